"""What names of files that belong together share: a stem, and a constant word before, behind or within it."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

_TOKENS = re.compile(r"\d+|[^\W\d_]+|[\W_]")
_LONGEST = 9
"""Tokens of a constant prefix or suffix at the most: `_label_ground-truth_semantic` has eight."""
_FREQUENT = 0.08
"""Share of a folder's names that must have a prefix or suffix in common."""
_MOST = 8
_MOST_INFIXES = 3
_GAP = "\0"
"""Stands in a core for the infix that was there."""


class Affix(NamedTuple):
    """The constant part of the names of one kind of file; `extension` is empty where any will do.

    An `infix`, such as `image` in `ulm_image_007`, is a word in the middle; then the other two are empty.
    """

    prefix: str = ""
    suffix: str = ""
    extension: str = ""
    infix: str = ""

    def core(self, stem: str) -> str | None:
        """Return what is left of a stem without the affix; None where it does not have it."""
        if self.infix:
            return stem.replace(self.infix, _GAP) if stem.count(self.infix) == 1 else None
        if len(stem) < len(self.prefix) + len(self.suffix):
            return None
        if not (stem.startswith(self.prefix) and stem.endswith(self.suffix)):
            return None
        return stem[len(self.prefix) : len(stem) - len(self.suffix)]

    def stem(self, core: str) -> str:
        """Return the stem with the affix around it."""
        return core.replace(_GAP, self.infix) if self.infix else f"{self.prefix}{core}{self.suffix}"

    def pattern(self) -> str:
        """Return the names as a pattern: `*_mask.png`."""
        return f"{self.stem(f'*{_GAP}*' if self.infix else '*')}{self.extension or '.*'}"

    @property
    def weight(self) -> int:
        """How much it says: the letters of it. Of two readings alike, that with the lesser weight is simpler."""
        return len(self.prefix) + len(self.suffix) + len(self.extension) + len(self.infix)


def frequent_affixes(stems: Sequence[str]) -> list[Affix]:
    """Find the prefixes, suffixes and both together that many of some stems have; no affix is the first.

    Affixes end where a word, a number or a separator ends, so `1` is none of `1`, `10` and `11`.
    """
    prefixes: Counter[str] = Counter()
    suffixes: Counter[str] = Counter()
    for stem in stems:
        tokens = _TOKENS.findall(stem)
        longest = min(_LONGEST, len(tokens))
        prefixes.update("".join(tokens[:count]) for count in range(1, longest + 1))
        suffixes.update("".join(tokens[-count:]) for count in range(1, longest + 1))
    least = max(2, round(_FREQUENT * len(stems))) if len(stems) > 1 else 1
    heads = _longest_of(prefixes, least, str.startswith)
    tails = _longest_of(suffixes, least, str.endswith)
    if len(stems) > 1:  # words may be run together: `imgcity` and `imgdune`
        head = _shared_start(stems).rstrip("0123456789")
        tail = _shared_start([stem[::-1] for stem in stems])[::-1].lstrip("0123456789")
        heads += [head] if head and head not in heads else []
        tails += [tail] if tail and tail not in tails else []
    around = [Affix(head, tail) for head in ("", *heads) for tail in ("", *tails)]
    return [*around, *(Affix(infix=word) for word in _infixes(stems))]


def _infixes(stems: Sequence[str]) -> list[str]:
    """Return the words that stand, once each, in the middle of all stems: `image` of `ulm_image_1`, `bonn_image_1`."""
    shared: Counter[str] = Counter()
    for stem in stems:
        shared.update({token for token in _TOKENS.findall(stem)[1:-1] if token.isalpha() and stem.count(token) == 1})
    return [word for word, count in shared.items() if count == len(stems) > 1][:_MOST_INFIXES]


def _shared_start(texts: Sequence[str]) -> str:
    """Return the longest beginning that all texts share."""
    first, last = min(texts), max(texts)
    length = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]


def _longest_of(counts: Counter[str], least: int, extends: Callable[[str, str], bool]) -> list[str]:
    """Return frequent affixes; of those with the same count that continue each other, the longest and the shortest."""
    frequent = [(text, count) for text, count in counts.items() if count >= least]
    frequent.sort(key=lambda item: (-item[1], -len(item[0])))
    chains: list[tuple[int, list[str]]] = []
    for text, count in frequent:
        for same, chain in chains:
            if same == count and extends(chain[0], text):
                chain.append(text)
                break
        else:
            chains.append((count, [text]))
    kept: list[str] = []
    for _, chain in chains[:_MOST]:
        # Between the longest and the shortest the one that a separator sets off: `_mask` of `image_mask` and `mask`.
        parted = [text for text in chain if not (text[-1] if extends is str.startswith else text[0]).isalnum()]
        kept += dict.fromkeys([chain[0], *parted[-1:], chain[-1]])
    return kept


def role(words: Iterable[str]) -> float:
    """Return what the words of a path say of its files: above 0 photographs, below 0 targets, 0 nothing.

    A hint that decides only between readings that are otherwise alike.
    """
    total = 0.0
    for word in words:
        for token in _TOKENS.findall(word):
            for camel in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", token) or [token]:
                total += _ROLES.get(camel.lower(), 0.0)
    return max(-1.0, min(1.0, total))


_SOURCE_WORDS = (
    "image images img imgs imag photo photos photograph photographs picture pictures pic pics rgb input inputs source "
    "sources src raw original originals frame frames jpeg jpegimages still stills sat satellite color_image low blur "
    "blurred blurry noisy rain rainy hazy haze degraded lr day before"
)
_TARGET_WORDS = (
    "mask masks label labels lbl lab annot annots annotation annotations anno ann gt groundtruth ground truth target "
    "targets output outputs tgt seg segs segmentation segmentations segmentationclass semantic class classes trimap "
    "trimaps matte mattes alpha manual ho high sharp clean clear norain normal hr after expert reference"
)
_ROLES = {**dict.fromkeys(_SOURCE_WORDS.split(), 1.0), **dict.fromkeys(_TARGET_WORDS.split(), -1.0)}

_OTHER_WORDS = (
    "instance instances object objects panoptic depth disparity flow normals nir infrared thermal ir gray grey preview "
    "previews thumb thumbs thumbnail thumbnails overlay overlays visualization visualisation vis prediction "
    "predictions predict pred preds heatmap heatmaps skeleton edge fov roi parts superpixel superpixels"
)
_OTHERS = frozenset(_OTHER_WORDS.split())


def is_aside(words: Iterable[str]) -> bool:
    """Tell whether a path has a word for what lies beside photographs and class maps, such as depth or previews."""
    tokens = (token for word in words for token in _TOKENS.findall(word))
    camel = (part for token in tokens for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", token))
    return any(part.lower() in _OTHERS for part in camel)


ORDERED = (
    ("source", "target"),
    ("sources", "targets"),
    ("src", "tgt"),
    ("input", "output"),
    ("input", "target"),
    ("inputs", "outputs"),
    ("inputs", "targets"),
    ("a", "b"),
)
"""Names that say which side is the source, whatever the images show."""


def states_order(first: str, second: str) -> bool:
    """Tell whether the names of two places say that the first is the source."""
    return (first.lower(), second.lower()) in ORDERED
