"""The routes of the record of pointers: STU3, XML unless JSON is asked for (spine 3, 10)."""

from typing import Final
from uuid import uuid4

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from wardgate.fhir import Format
from wardgate.refusals.operation_outcome import SPINE_STU3
from wardgate.refusals.spine_codes import OF_NRL
from wardgate.samples.caller import caller_of
from wardgate.samples.exchange import Exchange, Manner, bundle, endpoint, version_headers, without_route
from wardgate.samples.pointers import Organisations, Pointers, Types
from wardgate.samples.records import Records

MANNER: Final = Manner(OF_NRL, SPINE_STU3, Format.XML, syntax_fault="INVALID_REQUEST_MESSAGE", syntax_text="Invalid Request Message")


def create_app(records: Records, knows_organisation: Organisations, types: Types) -> Starlette:
    """The application: it believes the gateway's headers, and answers nobody else."""
    api = _PointerAPI(Pointers(records, knows_organisation, types))
    one, all_of_them = "/DocumentReference/{id}", "/DocumentReference"
    rows = (("POST", all_of_them, api.create), ("GET", all_of_them, api.search), ("GET", one, api.read), ("PATCH", one, api.update),
            ("PATCH", all_of_them, api.update), ("DELETE", one, api.delete), ("DELETE", all_of_them, api.delete))
    return Starlette(routes=[Route(path, endpoint(MANNER, handler), methods=[method]) for method, path, handler in rows],
                     exception_handlers=without_route(MANNER))


class _PointerAPI:
    """Each interaction: what comes in, what the rules say, what goes out."""

    def __init__(self, pointers: Pointers) -> None:
        self._pointers = pointers

    async def create(self, exchange: Exchange) -> Response:
        caller = caller_of(exchange.request.headers)
        record = await run_in_threadpool(self._pointers.create, caller, await exchange.resource("DocumentReference"))
        headers = {"Location": f"{exchange.base}/DocumentReference/{record.id}"} | version_headers(record)
        return exchange.outcome("RESOURCE_CREATED", "Successfully created resource DocumentReference", text=str(uuid4()), headers=headers)

    async def read(self, exchange: Exchange) -> Response:
        caller = caller_of(exchange.request.headers)
        record = await run_in_threadpool(self._pointers.read, caller, exchange.request.path_params["id"])
        return exchange.answer(record.body, headers=version_headers(record))

    async def search(self, exchange: Exchange) -> Response:
        caller = caller_of(exchange.request.headers)
        return exchange.answer(bundle(await run_in_threadpool(self._pointers.search, caller, exchange.parameters), exchange.base))

    async def update(self, exchange: Exchange) -> Response:
        caller = caller_of(exchange.request.headers)
        sent = await exchange.resource("Parameters")
        record = await run_in_threadpool(self._pointers.update, caller, exchange.request.path_params.get("id"), exchange.parameters,
                                         exchange.request.headers.get("if-match"), sent)
        return exchange.outcome("RESOURCE_UPDATED", f"Successfully updated resource DocumentReference: {record.id}", headers=version_headers(record))

    async def delete(self, exchange: Exchange) -> Response:
        caller = caller_of(exchange.request.headers)
        await run_in_threadpool(self._pointers.delete, caller, exchange.request.path_params.get("id"), exchange.parameters,
                                exchange.request.headers.get("if-match"))
        return exchange.outcome("RESOURCE_DELETED", "Successfully removed resource DocumentReference")
