"""`wardgate up`."""

import gc
from pathlib import Path
from typing import Final

import click

from wardgate.cli.options import IN_FILE, data_option, database_option, printing
from wardgate.cli.output import Printer

PORT: Final = click.IntRange(1, 65535)
DEMO_HTTP_PORT: Final = 8080
DEMO_SMARTCARD_PORT: Final = 8445
DEMO_RELAY_PORT: Final = 8446


@click.command()
@data_option
@click.option("--manifest", "manifests", type=IN_FILE, multiple=True, metavar="FILE", help="Make these files together the manifest before serving: what they do not mention is removed, also what commands stated. Several may be given.")
@click.option("--demo", envvar="WARDGATE_DEMO", show_envvar=True, is_flag=True, help="Serve the demo world: sample applications, APIs and backends with published credentials. Never in a live environment.")
@click.option("--port", envvar="WARDGATE_PORT", show_envvar=True, type=PORT, default=8443, show_default=True, help="TLS.")
@click.option("--mtls-port", envvar="WARDGATE_MTLS_PORT", show_envvar=True, type=PORT, default=8444, show_default=True, help="TLS that asks for a client certificate.")
@click.option("--http-port", envvar="WARDGATE_HTTP_PORT", show_envvar=True, type=PORT, default=None, show_default="8080 with --demo, else off", help="The same without TLS, on loopback only. Never in a live environment.")
@click.option("--smartcard-port", envvar="WARDGATE_SMARTCARD_PORT", show_envvar=True, type=PORT, default=None, show_default="8445 with --demo, else off", help="TLS on which the stand-in NHS CIS2 asks browsers for the certificate of a smartcard. Never in a live environment.")
@click.option("--relay-port", envvar="WARDGATE_RELAY_PORT", show_envvar=True, type=PORT, default=None, show_default="8446 with --demo, else off", help="TLS of the secure proxy, which asks for a client certificate.")
@click.option("--ldap-port", envvar="WARDGATE_LDAP_PORT", show_envvar=True, type=PORT, default=None, show_default="1389 with --demo if it is free, else off", help="The system directory over LDAP without TLS, on loopback only. Never in a live environment.")
@click.option("--ldaps-port", envvar="WARDGATE_LDAPS_PORT", show_envvar=True, type=PORT, default=None, show_default="off", help="The system directory over LDAP with TLS, which asks for a client certificate.")
@database_option
@click.option("--cache-url", default=None, help="Reserved: this version has no cache.")
@click.option("--demo-port", envvar="WARDGATE_DEMO_PORT", show_envvar=True, type=PORT, default=9001, show_default=True, help="Where the demo's sample backends listen, on loopback.")
@printing
@click.pass_context
def up(
    ctx: click.Context, data: Path, manifests: tuple[Path, ...], demo: bool, port: int, mtls_port: int, http_port: int | None,
    smartcard_port: int | None, relay_port: int | None, ldap_port: int | None, ldaps_port: int | None, database_url: str | None, cache_url: str | None, demo_port: int, printer: Printer,
) -> None:
    """Run the gateway, the authorisation server and the certification authority, until SIGTERM or Ctrl-C.

    Everything that is missing in the data directory is made on first start. The line `ready https://localhost:8443` says
    that Envoy and the control plane both serve.
    """
    if cache_url is not None:
        raise click.UsageError("--cache-url is reserved: this version has no cache; single use and limits are in the database")
    gc.disable()  # until the server has settled: what is made by then stays
    from wardgate.server.up import run  # noqa: PLC0415 - heavy, and not needed for --help

    ctx.exit(run(
        data=data, manifests=manifests, demo=demo, port=port, mtls_port=mtls_port,
        http_port=http_port if http_port is not None or not demo else DEMO_HTTP_PORT,
        smartcard_port=smartcard_port if smartcard_port is not None or not demo else DEMO_SMARTCARD_PORT, database_url=database_url,
        relay_port=relay_port if relay_port is not None or not demo else DEMO_RELAY_PORT,
        ldap_port=ldap_port, ldaps_port=ldaps_port, demo_port=demo_port, output=printer.output.value,
    ))
