"""What an audit is handed on as: a page, and a table for a spreadsheet."""

from aisle.audit.report.render import render_audit
from aisle.audit.report.table import write_table

__all__ = ["render_audit", "write_table"]
