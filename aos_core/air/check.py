"""placeholder"""

from aos_core.air.load import Catalog


def check(catalog: Catalog):
    return catalog.problems


def require_sound(catalog: Catalog) -> None:
    pass
