"""The manifest as a whole: every document of an environment."""

from wardgate.applications import Application, Product
from wardgate.catalogue import API, Environment
from wardgate.directory import Organisation, System
from wardgate.directory.model import Document


class Manifest(Document):
    """The source of truth (design 5): who exists, what is offered, and who may use it.

    References between documents and clashes of names are checked by `manifest.check`, which knows lines.
    """

    environment: Environment
    organisations: tuple[Organisation, ...] = ()
    systems: tuple[System, ...] = ()
    apis: tuple[API, ...] = ()
    products: tuple[Product, ...] = ()
    applications: tuple[Application, ...] = ()
