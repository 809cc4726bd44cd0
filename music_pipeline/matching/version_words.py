"""The words that tell one version of a song from another, in the languages of titles.

They are in the folded form of `names.fold_text`. `titles` applies them.
"""

import re

# Phrase -> kinds of version. Longer phrases are tried first, so that "radio edit" is one kind and not two.
VERSION_PHRASES: dict[str, tuple[str, ...]] = {
    "remix": ("remix",), "re mix": ("remix",), "remixed": ("remix",), "re mixed": ("remix",), "mix": ("remix",),
    "mixed": ("mixed",), "remixes": ("remix",), "rework": ("remix",), "reworked": ("remix",), "reboot": ("remix",),
    "bootleg": ("remix",), "flip": ("remix",), "vip": ("remix",), "refix": ("remix",), "remezcla": ("remix",),
    "ремикс": ("remix",), "リミックス": ("remix",), "混音": ("remix",), "리믹스": ("remix",),
    "edit": ("edit",), "edited": ("edit",), "short edit": ("short",), "video edit": ("video",), "re edit": ("edit",),
    "radio": ("radio",), "radio edit": ("radio",), "radio mix": ("radio",), "radio version": ("radio",),
    "radio single": ("radio",), "radio cut": ("radio",), "radio vers": ("radio",), "радио версия": ("radio",),
    "single version": ("single",), "single edit": ("single",), "single mix": ("single",), "45 version": ("single",),
    "versión single": ("single",), "version single": ("single",),
    "extended": ("extended",), "extended mix": ("extended",), "extended version": ("extended",),
    "extended edit": ("extended",), "extended dance mix": ("extended",), "extended radio mix": ("extended", "radio"),
    "long version": ("extended",), "maxi version": ("extended",), "short version": ("short",), "short mix": ("short",),
    "12 inch": ("12 inch",), "12 inch version": ("12 inch",), "12 inch mix": ("12 inch",), "12 version": ("12 inch",),
    "12 mix": ("12 inch",), "twelve inch version": ("12 inch",), "7 inch": ("7 inch",), "7 version": ("7 inch",),
    "7 inch version": ("7 inch",), "7 inch mix": ("7 inch",), "7 mix": ("7 inch",), "7 edit": ("7 inch",),
    "seven inch version": ("7 inch",),
    "acoustic": ("acoustic",), "acoustic version": ("acoustic",), "acoustic mix": ("acoustic",),
    "acustico": ("acoustic",), "acustica": ("acoustic",), "acoustique": ("acoustic",), "akustik": ("acoustic",),
    "akustisch": ("acoustic",), "version acustica": ("acoustic",), "version acoustique": ("acoustic",),
    "акустика": ("acoustic",), "акустическая версия": ("acoustic",), "アコースティック": ("acoustic",),
    "unplugged": ("unplugged",), "mtv unplugged": ("unplugged",), "stripped": ("stripped",),
    "stripped back": ("stripped",),
    "instrumental": ("instrumental",), "instrumental version": ("instrumental",), "instrumental mix": ("instrumental",),
    "inst": ("instrumental",), "instrumentale": ("instrumental",), "strumentale": ("instrumental",),
    "off vocal": ("instrumental",), "off vocal ver": ("instrumental",), "инструментал": ("instrumental",),
    "インストゥルメンタル": ("instrumental",), "伴奏": ("instrumental",),
    "karaoke": ("karaoke",), "karaoke version": ("karaoke",), "カラオケ": ("karaoke",), "караоке": ("karaoke",),
    "minus one": ("karaoke",), "минус": ("karaoke",), "backing track": ("karaoke",),
    "acapella": ("acapella",), "a capella": ("acapella",), "acappella": ("acapella",), "a cappella": ("acapella",),
    "vocal": ("vocal",), "vocal mix": ("vocal",), "vocal version": ("vocal",), "vocals only": ("acapella",),
    "dub": ("dub",), "dub mix": ("dub",), "dub version": ("dub",), "dubbed": ("dub",),
    "demo": ("demo",), "demo version": ("demo",), "demo mix": ("demo",), "demos": ("demo",), "демо": ("demo",),
    "rough mix": ("rough",), "alternate take": ("alternate",), "alternate version": ("alternate",),
    "alternate mix": ("alternate",), "alternative version": ("alternate",), "alt version": ("alternate",),
    "outtake": ("alternate",), "early version": ("alternate",), "rehearsal": ("rehearsal",),
    "reprise": ("reprise",), "cover": ("cover",), "cover version": ("cover",), "tribute": ("cover",),
    "session": ("session",), "sessions": ("session",), "sped up": ("sped up",), "speed up": ("sped up",),
    "sped up version": ("sped up",), "nightcore": ("sped up",), "slowed": ("slowed",), "slowed down": ("slowed",),
    "slowed and reverb": ("slowed",), "slowed reverb": ("slowed",), "slowed version": ("slowed",),
    "rerecorded": ("rerecorded",), "re recorded": ("rerecorded",), "re recording": ("rerecorded",),
    "mono": ("mono",), "mono mix": ("mono",), "mono version": ("mono",),
    "stereo": ("stereo",), "new stereo mix": ("remix",), "stereo mix": ("stereo",), "stereo version": ("stereo",),
    "clean": ("clean",), "clean version": ("clean",), "explicit": ("explicit",), "explicit version": ("explicit",),
    "dirty version": ("explicit",), "explicit album version": ("explicit", "album"),
    "album version": ("album",), "album mix": ("album",), "lp version": ("album",), "ep version": ("album",),
    "album edit": ("album edit",), "original album version": ("album",), "original album mix": ("album",),
    "original": ("original",), "original mix": ("original",), "original version": ("original",),
    "original recording": ("original",), "full length version": ("original",), "original edit": ("original",),
    "version": ("version",), "ver": ("version",), "versione": ("version",), "versao": ("version",),
    "fassung": ("version",), "versio": ("version",), "versie": ("version",), "версия": ("version",),
    "verzio": ("version",), "バージョン": ("version",), "ヴァージョン": ("version",), "版": ("version",),
    "live": ("live",), "ao vivo": ("live",), "en vivo": ("live",), "en directo": ("live",), "en direct": ("live",),
    "en concert": ("live",), "dal vivo": ("live",), "in concert": ("live",), "na zywo": ("live",), "koncert": ("live",),
    "live version": ("live",), "live edit": ("live", "edit"), "live acoustic": ("live", "acoustic"),
    "recorded live": ("live",), "концерт": ("live",), "концертная версия": ("live",), "живая версия": ("live",),
    "live版": ("live",), "现场": ("live",), "現場": ("live",), "现场版": ("live",), "現場版": ("live",),
    "ライブ": ("live",), "ライヴ": ("live",), "라이브": ("live",),
    "remaster": ("remaster",), "remastered": ("remaster",), "remastered version": ("remaster",),
    "digital remaster": ("remaster",), "digitally remastered": ("remaster",), "remasterizado": ("remaster",),
    "remasterizada": ("remaster",), "version remasterizada": ("remaster",), "remasterise": ("remaster",),
    "remastering": ("remaster",), "rimasterizzato": ("remaster",), "neu gemastert": ("remaster",),
    "リマスター": ("remaster",), "remaster version": ("remaster",), "remastered mix": ("remaster",),
}  # fmt: skip

# Kinds that are the same recording: the same sound, cleaned, or named as the ordinary one.
MERGEABLE_KINDS = frozenset({"remaster", "album", "original", "explicit", "stereo"})

# Kinds whose place or date may be omitted ("Live", "Live at Wembley"): then neither equal nor contradictory.
KINDS_OFTEN_UNSPECIFIED = frozenset({"live", "demo", "acoustic", "session", "unplugged", "alternate", "rehearsal"})

# What a qualifier ("R3HAB" in "R3HAB Remix Radio Edit") belongs to, in order, where a version has several kinds.
QUALIFIED_FIRST = ("live", "remix", "dub", "vocal", "version", "edit", "session", "demo", "cover", "radio")

# Kinds that may also begin a text with more behind it ("Remix by Seba", "Demo 1971", "Versión Salsa").
LEADING_KINDS = frozenset(
    {"remix", "version", "demo", "remaster", "session", "acoustic", "mono", "stereo", "rerecorded"}
)

# "Live" as an adverb of a place or time; elsewhere it is a verb ("Live and Let Die", "The Way We Live").
LIVE_PLACE = re.compile(
    r"^(?:(?:recorded|acoustic|bonus) )?(?:live|en vivo|ao vivo|en directo|en direct|dal vivo)"
    r"(?: (?:at|in|from|on|with|for|no|na|en|em|a|au|aux|dal|im|bei|desde|sur|session|sessions)\b.*"
    r"| \d.*| (?:acoustic|acustico|version|edit|mix|remaster(?:ed)?|instrumental|bonus track)\b.*)?$"
)
RECORDED_PLACE = re.compile(r"^recorded (?:at|in|on|live)\b")
YEARS_OF_LIVE = re.compile(r"^(?:\d{4} )?live(?: \d{4})?$")

# Words beside a title that do not make another recording.
ANNOTATION = re.compile(
    r"^(?:(?:hidden |digital )?bonus(?: (?:track|cut)\b.*)?|(?:previously )?unreleased(?: track)?"
    r"|hidden track|digital single"
    r"|(?:from|aus|de|tire|dal|из|music from|theme from|soundtrack from) (?:the )?(?:[a-z]+ )?"
    r"(?:original )?(?:film|movie|motion picture|soundtrack|series|musical|album|netflix|tv|pelicula|serie|фильма)\b.*"
    r"|(?:prod|produced)(?: by)? .+|(?:official )?(?:music |lyric |lyrics )?video|official(?: audio)?"
    r"|pre order exclusive"
    r"|deluxe(?: edition)?|bonus edition|single master|\d{4} anniversary.*)$"
)

# Words of a release's title that name an edition of the same release.
EDITION = re.compile(
    r"\b(?:edition|edicion|edicao|edizione|ausgabe|deluxe|remaster(?:ed|izado|izada)?|expanded|anniversary|reissue"
    r"|re issue|bonus|explicit|clean version|international|standard|premium|collectors|platinum|digipak|u s version"
    r"|u s release|us version|uk version|japanese version|digital(?:ly)?|exclusiv[ae]|complete)\b"
)
RELEASE_KINDS = frozenset({"ep", "single", "maxi single", "mini album", "mixtape"})

FEATURED_IN_BRACKETS = re.compile(
    r"^\s*(?:feat\.?|ft\.?|featuring|with|w/|con|avec|mit|duet with|participação especial de)\s+(?P<names>.+)$",
    re.IGNORECASE,
)
FEATURED_IN_TEXT = re.compile(r"\s[\(\[]?(?:feat\.|ft\.|featuring)\s+(?P<names>.+)$", re.IGNORECASE)
