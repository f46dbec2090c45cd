"""Passwords: what a hash may be, what a new password may be, and that nothing else is the password."""

import pytest
from pydantic import TypeAdapter, ValidationError

from wardgate.identities.password import (
    MAX_PASSWORD_CHARS,
    NOBODYS,
    PasswordHash,
    UnfitPassword,
    WrongPassword,
    check_password,
    hash_password,
)

SALT = bytes(range(16))
FOREIGN = "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
"""From the documentation of another implementation, argon2-cffi."""
STATED = TypeAdapter(PasswordHash)
REST = "$AAECAwQFBgcICQoLDA0ODw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_a_hash_is_of_its_password_alone() -> None:
    """The right one passes; another, a longer or a shorter one, or another case do not."""
    phc = hash_password("a good password", SALT)
    assert phc.startswith("$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$")
    assert STATED.validate_python(phc) == phc
    check_password(phc, "a good password")
    for wrong in ("", "a good passwor", "a good password ", "A good password", "\ud800", "x" * 10_000):
        with pytest.raises(WrongPassword):
            check_password(phc, wrong)


def test_hashes_of_others_are_understood() -> None:
    """The PHC string format is shared."""
    assert STATED.validate_python(FOREIGN) == FOREIGN
    check_password(FOREIGN, "correct horse battery staple")
    with pytest.raises(WrongPassword):
        check_password(FOREIGN, "correct horse battery stable")


def test_the_salt_makes_hashes_differ() -> None:
    """Two people with one password have two hashes."""
    assert hash_password("a good password", SALT) != hash_password("a good password", SALT[::-1])


def test_a_password_can_be_typed_on_any_keyboard() -> None:
    """Composed or not, wide or not: the same password (NFKC, NIST SP 800-63B section 5.1.1.2)."""
    phc = hash_password("Ca\u0301f\u00e9-\uff11\uff12\uff13\uff14", SALT)
    check_password(phc, "C\u00e1fe\u0301-1234")


@pytest.mark.parametrize("password", ["", "1234567", "x" * (MAX_PASSWORD_CHARS + 1)])
def test_unfit_passwords(password: str) -> None:
    """Too short, too long; the text does not repeat it."""
    with pytest.raises(UnfitPassword) as refused:
        hash_password(password, SALT)
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize("password", ["12345678", "x" * MAX_PASSWORD_CHARS, "pass phrase with spaces", "пароль-длинный", "\N{GRINNING FACE}" * 8])
def test_fit_passwords(password: str) -> None:
    """Any characters, from 8 to 256 of them."""
    check_password(hash_password(password, SALT), password)


def test_nobodys_hash_is_one() -> None:
    """It costs what others cost, and is nobody's password."""
    assert STATED.validate_python(NOBODYS) == NOBODYS
    assert NOBODYS.split("$")[1:4] == hash_password("a good password", SALT).split("$")[1:4]
    for guess in ("", "password", "nobody at all"):
        with pytest.raises(WrongPassword):
            check_password(NOBODYS, guess)


@pytest.mark.parametrize(("phc", "told"), [
    ("password", "String should match"), ("", "String should match"), ("$2b$12$" + "a" * 53, "String should match"),
    ("$argon2i$v=19$m=19456,t=2,p=1" + REST, "String should match"), ("$argon2id$v=16$m=19456,t=2,p=1" + REST, "String should match"),
    ("$argon2id$v=19$m=19456,t=2,p=1" + REST + "\n", "String should match"), ("$argon2id$v=19$m=999999,t=2,p=1" + REST, "String should match"),
    ("$argon2id$v=19$m=65537,t=2,p=1" + REST, "a hash has m=7168 to 65536"), ("$argon2id$v=19$m=19456,t=99,p=1" + REST, "a hash has m="),
    ("$argon2id$v=19$m=19456,t=2,p=9" + REST, "a hash has m="), ("$argon2id$v=19$m=19456,t=2,p=0" + REST, "a hash has m="),
    ("$argon2id$v=19$m=7167,t=9,p=1" + REST, "a hash has m="), ("$argon2id$v=19$m=19456,t=1,p=1" + REST, "too cheap to guess")])
def test_hashes_that_are_refused(phc: str, told: str) -> None:
    """Another algorithm or version, too cheap to guess, too dear to check."""
    with pytest.raises(ValidationError, match=told):
        STATED.validate_python(phc)
