"""``aisle keys``: who may use the service."""

import json
from typing import Annotated

import typer

from aisle.cli.service_options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    now,
    open_database,
    print_table,
    shown_time,
)

SCOPES = ("classify", "sell", "review", "metrics")
_DAY = 86_400_000_000
_HOUR = 3_600_000_000

keys = typer.Typer(
    name="keys",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Create, list, rotate and revoke keys of the service.",
)


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is: a person, or a program.")],
    scopes: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help=f"What it may do: {', '.join(SCOPES)}. Repeatable.")
    ],
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, help="How long; forever by default.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Create a key and print it, once: only its hash is kept."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise typer.BadParameter(f"there is no scope {unknown[0]!r}; use {', '.join(SCOPES)}", param_hint="--scope")
    if not name.strip():
        raise typer.BadParameter("a key needs a name, e.g. the person's", param_hint="NAME")
    opened, moment = open_database(database), now()
    from aisle.store.keys import create_key

    with opened.write() as connection:
        key, secret = create_key(
            connection,
            name=name.strip(),
            scopes=tuple(dict.fromkeys(scopes)),
            now=moment,
            expires_at=None if days is None else moment + days * _DAY,
        )
    if as_json:
        print(json.dumps({"id": key.id, "name": key.name, "scopes": key.scopes, "secret": secret}))
    else:
        print(secret)
    typer.echo(f"Key {key.id} of {key.name}: {', '.join(key.scopes)}. It is not shown again.", err=True)


@keys.command("list")
def list_keys(database: DatabaseOption = DEFAULT_DATABASE, as_json: JsonOption = False) -> None:
    """Show all keys, without their secrets."""
    from dataclasses import asdict

    opened = open_database(database)
    from aisle.store.keys import keys as stored_keys

    with opened.read() as connection:
        found = stored_keys(connection)
    if as_json:
        print(json.dumps([asdict(key) for key in found], indent=2))
        return
    header = ("id", "name", "scopes", "created", "expires", "revoked", "last used")
    rows = [
        (
            key.id,
            key.name,
            " ".join(key.scopes),
            *(shown_time(each) for each in (key.created_at, key.expires_at, key.revoked_at, key.used_at)),
        )
        for key in found
    ]
    print_table(header, rows)


@keys.command("revoke")
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `aisle keys list` shows it.")],
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """End a key at once, and the sessions opened with it."""
    opened = open_database(database)
    from aisle.store.keys import revoke as revoke_key

    with opened.write() as connection:
        revoke_key(connection, id=identity, now=now())
    typer.echo(f"Key {identity} is revoked; a running service forgets it within seconds.", err=True)


@keys.command("rotate")
def rotate(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `aisle keys list` shows it.")],
    hours: Annotated[
        int, typer.Option("--hours", metavar="N", min=0, help="How long the old secret works beside it.")
    ] = 24,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Give a key a new secret, and let the old one end."""
    opened = open_database(database)
    from aisle.store.keys import rotate as rotate_key

    with opened.write() as connection:
        key, secret = rotate_key(connection, id=identity, overlap_us=hours * _HOUR, now=now())
    print(secret)
    typer.echo(f"Key {key.id} of {key.name} has a new secret; the old one ends in {hours} hours.", err=True)
