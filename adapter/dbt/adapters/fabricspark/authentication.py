"""The ways to prove who one is, as data: the profile's ``authentication``, what each needs, what it is for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dbt_common.exceptions import DbtRuntimeError


@dataclass(frozen=True)
class Authentication:
    """One value of ``authentication``.

    Attributes:
        name: as the profile writes it; upper and lower case, ``-`` and ``_`` make no difference.
        help: where its tokens come from.
        needs: fields that must be set; of several names in one entry, exactly one.
        takes: fields it uses if they are set.
        aliases: other spellings, the incumbent's among them.
    """

    name: str
    help: str
    needs: tuple[tuple[str, ...], ...] = ()
    takes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


_CLOUD = ("authority", "disable_instance_discovery")

AUTHENTICATIONS: tuple[Authentication, ...] = (
    Authentication(
        "CLI", "The Azure CLI: who did `az login`.", takes=("tenant_id", "azure_cli_process_timeout"), aliases=("az",)
    ),
    Authentication(
        "SPN",
        "A service principal, with its secret or its certificate.",
        needs=(("tenant_id",), ("client_id",), ("client_secret", "client_certificate_path")),
        takes=("client_certificate_password", *_CLOUD),
        aliases=("service_principal",),
    ),
    Authentication(
        "managed_identity",
        "The machine's managed identity, or with `client_id` a user-assigned one.",
        takes=("client_id",),
        aliases=("msi",),
    ),
    Authentication(
        "workload_identity",
        "A Kubernetes workload identity; what is not set comes from the `AZURE_…` variables that its webhook sets.",
        takes=("tenant_id", "client_id", "token_file_path", *_CLOUD),
    ),
    Authentication("environment", "A service principal from the `AZURE_…` variables.", takes=_CLOUD, aliases=("env",)),
    Authentication(
        "default",
        "Whatever azure-identity's `DefaultAzureCredential` finds first. Convenient; say which one in production.",
        takes=("client_id", "azure_cli_process_timeout", *_CLOUD),
        aliases=("auto",),
    ),
    Authentication(
        "token_credential",
        "A class of your own, or any of azure-identity's: made with `credential_kwargs`, asked by `get_token`.",
        needs=(("credential_class",),),
        takes=("credential_kwargs",),
    ),
    Authentication(
        "fabric_notebook", "The user who runs the Fabric notebook that runs dbt.", aliases=("notebookutils",)
    ),
    Authentication(
        "token", "A bearer token from elsewhere, until it expires.", needs=(("accessToken",),), aliases=("int_tests",)
    ),
)

_BY_NAME: Mapping[str, Authentication] = {
    name.lower(): each for each in AUTHENTICATIONS for name in (each.name, *each.aliases)
}
_SHORT = {name.replace("_", ""): each for name, each in _BY_NAME.items()}

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")


def authentication(name: str) -> Authentication:
    """The one of that name.

    Raises:
        DbtRuntimeError: there is none; the one that was probably meant.
    """
    short = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    found = _SHORT.get(short)
    if found is None:
        close = difflib.get_close_matches(short, _SHORT, n=1)
        hint = f" Did you mean '{_SHORT[close[0]].name}'?" if close else ""
        known = ", ".join(each.name for each in AUTHENTICATIONS)
        raise DbtRuntimeError(f"authentication '{name}' is not one of {known}.{hint}")
    return found


def check_authentication(name: str, value_of: Callable[[str], object]) -> None:
    """Whether a profile has what its ``authentication`` needs.

    Raises:
        DbtRuntimeError: it has not, or what it has cannot be used; no secret is in the message.
    """
    method = authentication(name)
    absent = [" or ".join(names) for names in method.needs if not any(map(value_of, names))]
    if absent:
        # Where alternatives are among them, a comma says what belongs together.
        needed = listed(absent) if not any(" or " in each for each in absent) else ", and ".join(absent)
        raise DbtRuntimeError(f"authentication '{name}' needs {needed} in the profile")
    for names in method.needs:
        given = [each for each in names if value_of(each)]
        if len(given) > 1:
            raise DbtRuntimeError(f"authentication '{name}' takes {' or '.join(given)}, not both")
    dotted = value_of("credential_class")
    if dotted and not _DOTTED.match(str(dotted)):
        raise DbtRuntimeError(
            f"credential_class '{dotted}' is not a dotted path such as 'my_package.my_module.MyCredential'"
        )
    if (dotted or value_of("credential_kwargs")) and method.name != "token_credential":
        raise DbtRuntimeError("credential_class and credential_kwargs need authentication 'token_credential'")


def listed(names: list[str]) -> str:
    """Names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
