"""Model folders on a model hub: the Hugging Face Hub, or a server of its kind that `HF_ENDPOINT` names.

The only module that knows `huggingface_hub`. Nothing is sent but what fetching or publishing a model needs.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pairloom.errors import UserError, first_line

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PUBLISHED_FILES = ("README.md", "config.json", "model.safetensors")
"""All that is fetched and published."""

_NAME = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@(\w[\w./-]*))?", re.ASCII)
_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


def may_be_on_hub(path: Path) -> bool:
    """Tell whether a path that is not there can mean a model on a hub: `user/name`, or `user/name@revision`.

    Not where its first part is a folder here: then a file's name is more likely to be misspelt.
    """
    return _NAME.fullmatch(str(path)) is not None and not Path(path.parts[0]).exists()


def download(name: str) -> Path:
    """Fetch a model folder, or what has changed of it, into the user's cache of hub files.

    Args:
        name: `user/name`, or `user/name@revision` with a branch, a tag or a commit.

    Returns:
        The folder in the cache. Without a connection it is that of an earlier time.

    Raises:
        UserError: if `huggingface_hub` is not installed, there is no such model or revision, it is no model of
            Pairloom's, it is not open to this user, or the hub cannot be reached and the cache does not hold it.
    """
    folder = download_files(name, PUBLISHED_FILES)
    if not (folder / "config.json").is_file():
        raise UserError(f"{name}: is on the Hub, but is not a Pairloom model (config.json is missing)")
    return folder


def download_files(name: str, patterns: Sequence[str]) -> Path:
    """Fetch the files of a repository whose names match, as `download` does, whatever they hold."""
    repository, revision = _split(name)
    api = _api(name)
    with _told(name):
        return Path(api.snapshot_download(repository, revision=revision, allow_patterns=list(patterns)))


def upload(files: Mapping[str, Path | bytes], name: str, *, private: bool, message: str) -> str:
    """Publish the files of a model folder, in one commit; the repository is made where it does not exist.

    Args:
        files: by their names in the folder.
        name: `user/name`.
        private: let the new repository be seen by its owner alone.
        message: of the commit.

    Returns:
        The address of the model's page.

    Raises:
        UserError: if `huggingface_hub` is not installed, nobody is logged in, the hub cannot be reached or refuses, or
            what is to be private exists and is public.
    """
    repository, revision = _split(name)
    if revision is not None:
        raise UserError(f"{name}: is published as a new commit; leave out @{revision}")
    api = _api(name)
    from huggingface_hub import CommitOperationAdd, get_token

    with _told(name):
        if get_token() is None:
            raise UserError(f"{name}: publishing needs a token that may write; {_LOG_IN}")
        # None leaves it to an organisation whether its models are public.
        page = api.create_repo(repository, private=private or None, exist_ok=True)
        if private and not api.model_info(repository).private:
            raise UserError(
                f"{name}: exists already and is public; make it private on its page, or choose another name"
            )
        additions = [
            CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
            for path, content in files.items()
        ]
        api.create_commit(repository, additions, commit_message=message)
    return str(page)


def _split(name: str) -> tuple[str, str | None]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise UserError(f"{name}: is not a model name on the Hub; write USER/NAME")
    return found[1], found[2]


def _api(name: str) -> "HfApi":
    try:
        from huggingface_hub import HfApi, constants
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise UserError(
            f"{name}: no such folder here; to use models on the Hub, pip install 'pairloom[hub]'"
        ) from error
    constants.HF_HUB_DISABLE_TELEMETRY = True  # else each request tells which libraries are installed
    if constants.HF_HUB_DISABLE_PROGRESS_BARS is None and not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi()


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what can go wrong between here and the hub into UserErrors."""
    from httpx2 import HTTPError
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(f"{name}: is gated; accept its terms on its page, then {_LOG_IN}") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{name}: no such folder here, and no model of that name on the Hub; for a private one, {_LOG_IN}"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{name}: the model is on the Hub, but has no such branch, tag or commit") from error
    except errors.LocalEntryNotFoundError as error:
        raise UserError(f"{name}: no such folder here, and the Hub cannot be reached ({_reason(error)})") from error
    except errors.HFValidationError as error:
        raise UserError(f"{name}: is not a model name on the Hub ({first_line(error)})") from error
    except errors.HfHubHTTPError as error:
        raise UserError(f"{name}: the Hub refuses ({first_line(error)})") from error
    except HTTPError as error:
        raise UserError(f"{name}: the Hub cannot be reached ({first_line(error)})") from error
    except (RuntimeError, ValueError) as error:  # of a transfer, or of an answer that is none
        raise UserError(f"{name}: unexpected response from the Hub ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return first_line(error.__cause__ if isinstance(error.__cause__, Exception) else error)
