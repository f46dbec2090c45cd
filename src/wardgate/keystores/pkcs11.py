"""A hardware module by PKCS #11: one thread speaks to it, for ever; sessions are opened again after errors; nobody waits without end.

The PIN comes from the environment or a file, is read when a token is logged in to, and a wrong one is not tried twice: tokens lock
themselves after a few. A module that hangs holds its thread, not its callers. Nothing of ours forks after a module was started; where a program around it does, that is said at once.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from wardgate.keystores.errors import HardwareSettings, KeyUnavailable
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.secret_file import read_secret_file

PIN_VARIABLE: Final = "WARDGATE_PKCS11_PIN"
PIN_FILE_VARIABLE: Final = "WARDGATE_PKCS11_PIN_FILE"
TIMEOUT_SECONDS: Final = 10.0
T = TypeVar("T")


def pin_of(environ: Mapping[str, str]) -> str:
    """Return the PIN that the environment states, or the file it names. Raises `HardwareSettings`."""
    if (text := environ.get(PIN_VARIABLE)) is not None:
        return text
    if (name := environ.get(PIN_FILE_VARIABLE)) is not None:
        return read_secret_file(Path(name), "PIN", HardwareSettings).strip()
    raise HardwareSettings(f"no PIN of the hardware module: set {PIN_FILE_VARIABLE} or {PIN_VARIABLE}")


class _Thread:
    """The thread that speaks to one module. A daemon: a module that hangs does not keep the process from ending."""

    def __init__(self, name: str) -> None:
        self.process = os.getpid()
        self.began = False
        """Whether the module may have been started."""
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        self.began = True
        self._work.put((future, work))
        return future

    def _run(self) -> None:
        while True:
            future, work = self._work.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001 - delivered to the caller
                    future.set_exception(error)


_threads: dict[Path, _Thread] = {}
_starting: Final = threading.Lock()
os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_starting.release)


def _thread_of(library: Path) -> _Thread:
    """Return the thread of a module in this process.

    A fork has none of its parent's threads, and a module that was started before it is of no use after it (PKCS #11 2.40, section 2.5.2):
    raises `HardwareSettings`. One that was named before, and not yet used, is started here.
    """
    with _starting:
        found = _threads.get(library)
        if found is not None and found.process != os.getpid() and found.began:
            raise HardwareSettings(f"the hardware module {library.name} was started before this process was forked: use it in the child alone, or start the child anew")
        if found is None or found.process != os.getpid():
            found = _threads[library] = _Thread(f"pkcs11 {library.name}")
        return found


class HardwareModule:
    """Runs work with a session of a token. May be called by threads."""

    def __init__(self, library: Path, pin: Callable[[], str], timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        try:
            import pkcs11  # noqa: PLC0415 - an extra: `pip install wardgate[pkcs11]`
        except ImportError:
            raise HardwareSettings("hardware keys need the package python-pkcs11: install wardgate[pkcs11]") from None
        self._pkcs11 = pkcs11
        self._library = library.resolve()
        self._pin = pin
        self._timeout_seconds = timeout_seconds
        self._sessions: dict[str, Any] = {}
        self._keys: dict[HardwareURI, Any] = {}
        self._refused_pin: dict[str, str] = {}

    def run(self, token: str, work: Callable[[Any], T]) -> T:
        """Return what `work` makes of a session that is logged in. It is tried again once, with a new session.

        Raises `KeyUnavailable`, after at most the time limit, `HardwareSettings`, and whatever else `work` raises.
        """
        return self._wait(lambda: self._with_session(token, work))

    def run_with_key(self, uri: HardwareURI, work: Callable[[Any, Any], T]) -> T:
        """Do the same with a session and a private key, which is looked for once in a session. Raises `KeyUnavailable` also where there is none."""
        return self.run(uri.token, lambda session: work(session, self._key(session, uri)))

    def run_writing(self, token: str, work: Callable[[Any], T]) -> T:
        """Do the same, once, with a session that may make and remove objects."""
        return self._wait(lambda: self._with_writing_session(token, work))

    def forget_sessions(self) -> None:
        """Close every session; the next work opens its own."""
        self._wait(self._close_all)

    def _wait(self, work: Callable[[], T]) -> T:
        future = _thread_of(self._library).submit(work)
        try:
            return future.result(self._timeout_seconds)
        except FutureTimeoutError:
            future.cancel()
            raise KeyUnavailable(f"the hardware module did not answer within {self._timeout_seconds:g} seconds") from None
        except self._pkcs11.exceptions.PKCS11Error as error:
            raise KeyUnavailable(f"the hardware module refused: {type(error).__name__}") from None

    # --- below: the module's own thread

    def _with_session(self, token: str, work: Callable[[Any], T]) -> T:
        for last in (False, True):
            try:
                return work(self._session(token))
            except self._pkcs11.exceptions.PKCS11Error:
                self._close(token)
                if last:
                    raise
        raise AssertionError("unreachable")

    def _with_writing_session(self, token: str, work: Callable[[Any], T]) -> T:
        self._close(token)
        session = self._open(token, writing=True)
        try:
            return work(session)
        finally:
            session.close()

    def _session(self, token: str) -> Any:
        if token not in self._sessions:
            self._sessions[token] = self._open(token)
        return self._sessions[token]

    def _open(self, token: str, *, writing: bool = False) -> Any:
        pin = self._pin()
        if self._refused_pin.get(token) == pin:
            raise KeyUnavailable(f"the PIN of the token {token} was refused, and is not tried again: tokens lock themselves")
        errors = self._pkcs11.exceptions
        found = self._token(token)
        try:
            return found.open(rw=writing, user_pin=pin)
        except errors.UserAlreadyLoggedIn:  # by another session of this process, whose login holds for all
            return found.open(rw=writing)
        except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange):
            self._refused_pin[token] = pin
            raise KeyUnavailable(f"the PIN of the token {token} was refused") from None

    def _token(self, label: str) -> Any:
        """Return the token.

        NOTE: a module is started once in a process and never again, which not every module lives through: a token whose slot
        it learns of at its start only is there after a restart.
        """
        errors = self._pkcs11.exceptions
        try:
            library = self._pkcs11.lib(str(self._library))
        except Exception as error:  # noqa: BLE001 - the loader raises by its own types
            raise HardwareSettings(f"the hardware module {self._library.name} cannot be loaded: {type(error).__name__}") from None
        try:
            return library.get_token(token_label=label)
        except (errors.NoSuchToken, errors.TokenNotPresent, errors.TokenNotRecognised, errors.SlotIDInvalid):
            raise KeyUnavailable(f"there is no token {label} in the hardware module") from None

    def _key(self, session: Any, uri: HardwareURI) -> Any:
        if uri not in self._keys:
            try:
                self._keys[uri] = session.get_key(object_class=self._pkcs11.ObjectClass.PRIVATE_KEY, label=uri.object, id=uri.id)
            except self._pkcs11.exceptions.NoSuchKey:
                raise KeyUnavailable(f"the token {uri.token} has no key {uri.text}") from None
            except self._pkcs11.exceptions.MultipleObjectsReturned:
                raise KeyUnavailable(f"the token {uri.token} has several keys {uri.text}: name one by its id") from None
        return self._keys[uri]

    def _close(self, token: str) -> None:
        self._keys = {uri: key for uri, key in self._keys.items() if uri.token != token}
        session = self._sessions.pop(token, None)
        if session is not None:
            with contextlib.suppress(self._pkcs11.exceptions.PKCS11Error):
                session.close()

    def _close_all(self) -> None:
        for token in list(self._sessions):
            self._close(token)
