"""The world of the tables: the demo's, with systems of every standing, an API of every kind, and endpoints that fail."""

import contextlib
import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from spine_rows.row import JSON, Call, seconds
from system.running import signed_request
from wardgate.demo import source
from wardgate.spine.interaction_catalogue import INTERACTIONS
from wire.authority import new_key
from wire.caller import Answer, Caller, Identity
from wire.endpoint import Endpoint

URN: Final = "urn:nhs:names:services:"
CONSUMER, PROVIDER, SISTER, STOPPED, BROKEN, UNRULED = (f"20000010000{number}" for number in range(1, 7))
NATIONAL, SURGERY = "200000000120", "200000000118"
NAMES: Final = {CONSUMER: "rows.example.thirdparty.nhs.uk", PROVIDER: "other.example.thirdparty.nhs.uk", BROKEN: "broken.example.thirdparty.nhs.uk"}
SURGERY_ROOT: Final = "https://gp.example.thirdparty.nhs.uk/Z9X03/STU3/1/gpconnect"
BROKEN_ROOT: Final = f"https://{NAMES[BROKEN]}/Z9X02/STU3/1/gpconnect"
DEAD, SLOW = (f"{URN}gpconnect:fhir:rest:{name}" for name in ("search:slot-1", "read:organization-1"))
NOT_GRANTED: Final = frozenset({f"{URN}raflags:Condition.read:1", f"{URN}gpconnect:fhir:rest:read:practitioner-1", f"{URN}nrl:DocumentReference.update"})
GRANTED: Final = (*(name for name in INTERACTIONS if name not in NOT_GRANTED), f"{URN}events:PDS001.Write")
NOWHERE: Final = "127.0.0.1:9"
WORKERS: Final = {"worker": ("demo-app", "787807429512"), "two roles": ("demo-app", "656005750104"), "no asid": ("no-asid-app", "787807429512"),
                  "ungranted": ("ungranted-app", "787807429512")}
"""Access tokens: of which application, for whom."""


def systems(slow_port: int) -> list[dict[str, Any]]:
    """Return the systems of the tables."""
    shared = {"organisation": "Z9X01", "party_key": "Z9X01-0000200", "fqdn": NAMES[CONSUMER]}
    endpoints = [{"interaction": DEAD, "url": BROKEN_ROOT, "connect_to": NOWHERE}, {"interaction": SLOW, "url": BROKEN_ROOT, "connect_to": f"127.0.0.1:{slow_port}"}]
    return [
        {"asid": CONSUMER, **shared, "interactions": list(GRANTED)}, {"asid": SISTER, **shared, "interactions": [f"{URN}raflags:Flag.read:1"]},
        {"asid": STOPPED, **shared, "interactions": list(GRANTED)},
        {"asid": PROVIDER, "organisation": "Z9X02", "party_key": "Z9X02-0000200", "fqdn": NAMES[PROVIDER], "interactions": list(GRANTED)},
        {"asid": BROKEN, "organisation": "Z9X02", "party_key": "Z9X02-0000201", "fqdn": NAMES[BROKEN], "endpoints": endpoints},
        {"asid": UNRULED, "organisation": "Z9X04", "party_key": "Z9X04-0000200", "fqdn": "unruled.example.thirdparty.nhs.uk",
         "endpoints": [{"interaction": DEAD, "url": "https://unruled.example.thirdparty.nhs.uk/Z9X04", "connect_to": NOWHERE}]},
    ]


def apis(backend: str) -> Iterator[dict[str, Any]]:
    """Yield an API of each kind that the demo has not."""
    def api(name: str, service: str, variant: str, route: Mapping[str, Any] | None = None, errors: str = "spine", **spine: Any) -> dict[str, Any]:
        own = {"service": service, "asid": NATIONAL} | spine
        return {"name": f"rows-{name}", "base_path": f"/rows/{name}", "backend": backend, "errors": errors, "spine": {k: v for k, v in own.items() if v},
                "routes": [{"path": "/*", "pattern": "asid-interaction", "spine_jwt": variant, **(route or {})}]}

    fixed = {"interaction": f"{URN}raflags:Condition.read:1"}
    yield api("core", "reasonable-adjustments", "spine-core")
    yield api("bookings", "bookings", "booking")
    yield api("core-bookings", "reasonable-adjustments", "booking")
    yield api("gp", "gp-connect", "gp-connect-1", errors="gp-connect")
    yield api("gp-old", "gp-connect", "gp-connect-0", errors="gp-connect")
    yield api("events", "nems-publish", "nems-publish")
    yield api("subscriptions", "nems-subscribe", "nems-subscribe")
    yield api("asked", "reasonable-adjustments", "none", {"enforcement": "decision"})
    yield api("alone", "reasonable-adjustments", "none", {"path": "/Flag", "interaction": f"{URN}raflags:Flag.read:1"})
    for ungranted in ("spine", "reference", "internet"):
        yield api(f"alone-{ungranted}", "reasonable-adjustments", "none", fixed | {"path": "/Flag"}, ungranted=ungranted)
        yield api(f"asked-{ungranted}", "reasonable-adjustments", "none", fixed | {"enforcement": "decision"}, ungranted=ungranted)
    for name, more in (("ssp", {}), ("ssp-limited", {"limits": {"quota": {"limit": 1, "interval": 1, "timeunit": "minute"}}})):
        yield api(name, "gp-connect", "none", {"timeout_seconds": 0.3}, asid=None) | {"backend": "secure-proxy"} | more
    yield api("retrieval", "nrl", "nrl-retrieval", asid=None, headers="secure-proxy") | {"backend": "secure-proxy"}


def manifest(wardgate: Any, slow_port: int) -> dict[str, Any]:
    """Return the demo's manifest with all of it. Bad certificates are answered, so that their rows have bodies."""
    backend = f"http://127.0.0.1:{wardgate.demo_port}"
    found: dict[str, Any] = yaml.safe_load(source(backend, f"127.0.0.1:{wardgate.provider_port}").content)
    found["environment"]["tls_ma_profile"] = "answer"
    found["systems"] += systems(slow_port)
    found["sharing_rules"] += [{"from_asid": CONSUMER, "to_asid": to, "service": f"{URN}gpconnect"} for to in (SURGERY, BROKEN)]
    found["apis"] += apis(backend)
    found["applications"].append({
        "name": "ungranted-app", "organisation": "Z9X02", "products": ["reasonable-adjustments"], "callback_urls": [f"{backend}/callback"],
        "jwks_url": f"{backend}/jwks.json", "asid": "200000000116", "api_keys": [{"key": "ungranted-app-key-not-a-secret", "secret": "ungranted-app-client-secret"}]})
    return found


@dataclass
class Place:
    """A running Wardgate with this world, and what was made in it. `kept` fills the braces of calls."""

    wardgate: Any
    directory: Path
    kept: dict[str, str] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)

    def _certificate(self, who: str, asid: str, kind: str = "--system") -> Identity:
        made = self.directory / who
        made.mkdir()
        signed_request(NAMES[asid], made)
        self.wardgate.done("cert", "issue", "--csr", made / "request.csr", kind, asid if kind == "--system" else NAMES[asid], "--out", made)
        self.identities[who] = Identity(who, made / "chain.pem", made / "key.pem")
        return self.identities[who]

    def prepare(self) -> None:
        """Put the world in force, and make what its calls need."""
        mine = self._certificate("broken", BROKEN, "--server")
        self.endpoint = Endpoint(mine.certificate, mine.key, self.wardgate.ca)
        self.endpoint.delay_seconds = 5.0
        path = self.directory / "manifest.yaml"
        path.write_text(yaml.safe_dump(manifest(self.wardgate, self.endpoint.port)))
        self.wardgate.done("manifest", "apply", path, "--yes")
        for who, asid in (("consumer", CONSUMER), ("other", PROVIDER), ("revoked", CONSUMER)):
            self._certificate(who, asid)
        revoked = x509.load_pem_x509_certificate(self.identities["revoked"].certificate.read_bytes())
        self.wardgate.done("cert", "revoke", "--serial", f"{revoked.serial_number:x}")
        self._foreign()
        self.wardgate.done("system", "suspend", STOPPED, "--why", "for the tables")
        for name, (application, user) in WORKERS.items():
            self.kept[name] = self.wardgate.cli("token", "get", "--app", application, "--user", user).out.strip()
        ports = {"https": self.wardgate.port, "mtls": self.wardgate.mtls_port, "relay": self.wardgate.relay_port}
        self.caller = Caller(ports, self.wardgate.ca)

        self._look_up()

    def _look_up(self) -> None:
        """Ask the directory for the contract of the surgery's endpoint."""
        asked = urlencode({"organization": "https://fhir.nhs.uk/Id/ods-organization-code|Z9X03",
                           "identifier": f"https://fhir.nhs.uk/Id/nhsServiceInteractionId|{URN}gpconnect:fhir:rest:read:patient-1"})
        answer = self.caller.kept("https").send("GET", f"/spine-directory/FHIR/R4/Endpoint?{asked}", [("apikey", "demo-app-key-not-a-secret")])
        (entry,) = json.loads(answer.body)["entry"]
        (self.kept["cpa"],) = [one["value"] for one in entry["resource"]["identifier"] if one["system"].endswith("nhsMhsCPAId")]

    def make(self, name: str, call: Call, *, for_each_form: bool = False) -> None:
        """Make a resource, and keep its id under this name, or one for each form of an answer."""
        for form in (" for json", " for xml") if for_each_form else ("",):
            _, answer = self.send(call, JSON, seconds())
            assert answer.status == 201, answer.body
            self.kept[name + form] = answer.headers["location"].rpartition("/")[2]

    def _foreign(self) -> None:
        """Make a certificate of the right name by nobody's authority."""
        key, made = new_key(), self.directory / "foreign"
        made.mkdir()
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAMES[CONSUMER])])
        old = x509.load_pem_x509_certificate(self.identities["consumer"].certificate.read_bytes())
        certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(old.issuer).public_key(key.public_key()).serial_number(7)
                       .not_valid_before(old.not_valid_before_utc).not_valid_after(old.not_valid_after_utc)
                       .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAMES[CONSUMER])]), critical=False).sign(key, hashes.SHA256()))
        (made / "chain.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (made / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.identities["foreign"] = Identity("foreign", made / "chain.pem", made / "key.pem")

    def send(self, call: Call, accept: str, now: int) -> tuple[str, Answer]:
        """Send a call, and return the correlation id that it had with what came back."""
        correlation_id = str(uuid.uuid4())
        given: dict[str, str | None] = {"X-Request-ID": str(uuid.uuid4()), "X-Correlation-ID": correlation_id, "Accept": accept, "Authorization": call.token(now)}
        body = b""
        if call.body is not None:
            body = call.body if isinstance(call.body, bytes) else self.filled(json.dumps(call.body), accept).encode()
            given["Content-Type"] = "application/fhir+json"
        headers = [(name, self.filled(value)) for name, value in (given | dict(call.headers)).items() if value is not None]
        connection = self.caller.kept(call.door, self.identities[call.who] if call.who is not None and call.door != "https" else None)
        try:
            return correlation_id, connection.send(call.method, self.filled(call.path, accept), [(name, value.encode().decode("latin-1")) for name, value in headers], body)
        except BaseException:
            connection.close()
            raise

    def filled(self, text: str, accept: str = JSON) -> str:
        """Return a text with what the place made in its braces; what is `for form` was made for one form of the answer."""
        text = text.replace(" for form}", f" for {'json' if accept == JSON else 'xml'}}}")
        for name, value in self.kept.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def events(self) -> dict[str, dict[str, Any]]:
        """Return the record, by the calls' correlation ids."""
        with contextlib.closing(sqlite3.connect(self.wardgate.data / "wardgate.db", timeout=20)) as database:
            bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM audit")]
        return {event["correlation_id"]: event for event in bodies if event.get("correlation_id")}

    def written(self) -> dict[str, str]:
        """Return everything that this Wardgate has written and people read, by where."""
        found = {path.name: path.read_text(errors="replace") for path in (self.wardgate.log, *(self.wardgate.data / "run").glob("*.log"))}
        with contextlib.closing(sqlite3.connect(self.wardgate.data / "wardgate.db", timeout=20)) as database:
            return found | {"record": "\n".join(body for (body,) in database.execute("SELECT body FROM audit"))}

    def close(self) -> None:
        """End what was begun."""
        self.caller.close()
        self.endpoint.close()

