"""When two texts are the same: for what convert splits and what audit finds."""

import hashlib
import re
import unicodedata

# Characters that nobody sees: Default_Ignorable_Code_Point of Unicode, without fillers
# of Hangul.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]+"
)
# Spaces between words and other characters, as tokenizers and typists add them.
BESIDE_MARKS = re.compile(r" (?:(?=\W)|(?<=\W ))")


def hash_text(text: str) -> int:
    """RETURNS (int): 64-bit hash, equal for texts that differ in case, in white space
    between words or any beside punctuation, in characters that nobody sees or in how
    Unicode writes them.
    """
    if text.isascii():
        plain = text.lower()
    else:
        plain = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold()
        plain = unicodedata.normalize("NFKC", plain)
    plain = BESIDE_MARKS.sub("", " ".join(plain.split()))
    # Python's own hash() differs from process to process.
    digest = hashlib.blake2b(plain.encode("utf8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")
