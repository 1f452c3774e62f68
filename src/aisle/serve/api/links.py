"""What may be asked next with what was answered: links of the OpenAPI document, which clients and tests can follow."""

from typing import Any, Final

_CLAIMED: Final = "$response.body#/product_id"

TO_PRODUCT: Final[dict[str, Any]] = {
    "product": {"operationId": "get_product", "parameters": {"id": "$response.body#/id"}},
}
TO_CLAIM: Final[dict[str, Any]] = {
    "claim": {"operationId": "claim_product", "parameters": {"id": "$response.body#/items/0/product_id"}},
}
TO_DECISION: Final[dict[str, Any]] = {
    "accept": {"operationId": "post_decision", "requestBody": {"product_id": _CLAIMED, "kind": "accept"}},
    "release": {"operationId": "release_product", "parameters": {"id": _CLAIMED}},
}
TO_UNDOING: Final[dict[str, Any]] = {
    "undo": {"operationId": "delete_decision", "parameters": {"id": "$response.body#/id"}},
}
