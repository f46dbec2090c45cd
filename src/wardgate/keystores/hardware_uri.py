"""Where a key is in a hardware module: the part of RFC 7512 that names it. Which module, and its PIN, are settings: never part of a URI."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote_to_bytes

from wardgate.keystores.errors import HardwareSettings

MAX_CHARACTERS: Final = 1000
_SCHEME: Final = "pkcs11:"
_KNOWN: Final = frozenset({"token", "object", "id", "type"})
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class HardwareURI:
    """A private key by its token's label and its own label, its id, or both."""

    token: str
    object: str | None = None
    id: bytes | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `pkcs11:token=…;object=…;id=…;type=private`. Raises `HardwareSettings`."""
        if not text.startswith(_SCHEME) or len(text) > MAX_CHARACTERS:
            raise HardwareSettings(f"a key in hardware is named by a URI such as pkcs11:token=TOKEN;object=KEY, of at most {MAX_CHARACTERS} characters")
        found: dict[str, bytes] = {}
        path, _, query = text.removeprefix(_SCHEME).partition("?")
        if query:
            raise HardwareSettings("module and PIN are settings, and no part of a key's URI: WARDGATE_PKCS11_MODULE, WARDGATE_PKCS11_PIN_FILE")
        for part in path.split(";"):
            name, _, value = part.partition("=")
            if name not in _KNOWN or name in found or not _VALUE.fullmatch(value):
                raise HardwareSettings(f"a key's URI has token, object, id and type, each once and not empty, not `{name[:20]}`")
            found[name] = unquote_to_bytes(value)
        if "token" not in found or not {"object", "id"} & found.keys() or found.get("type", b"private") != b"private":
            raise HardwareSettings("a key's URI names its token, and the private key by object, id or both")
        try:
            return cls(found["token"].decode(), found["object"].decode() if "object" in found else None, found.get("id"))
        except UnicodeDecodeError:
            raise HardwareSettings("the labels in a key's URI are UTF-8") from None

    @property
    def text(self) -> str:
        """The URI."""
        parts = [f"token={quote(self.token, safe='')}"]
        parts += [f"object={quote(self.object, safe='')}"] if self.object is not None else []
        parts += ["id=" + "".join(f"%{octet:02X}" for octet in self.id)] if self.id is not None else []
        return _SCHEME + ";".join([*parts, "type=private"])
