"""The words that generated artists, people and titles are made of, in several scripts."""

from random import Random

SHARE_IN_OTHER_SCRIPTS = 0.1

FIRST_NAMES = (
    "Ada", "Alma", "Anders", "Bea", "Boris", "Carla", "Cyrus", "Dagny", "Darius", "Edda", "Elif", "Emeka",
    "Farah", "Felix", "Greta", "Hugo", "Ilse", "Imani", "Jonas", "Juno", "Kofi", "Lars", "Leila", "Luca", "Mara",
    "Mateo", "Nadia", "Nils", "Odessa", "Omar", "Petra", "Quentin", "Rosa", "Rune", "Selma", "Silas", "Tove",
    "Umar", "Vera", "Viggo", "Wanda", "Xavier", "Yara", "Zeno",
)  # fmt: skip
LAST_NAMES = (
    "Achebe", "Almquist", "Aldana", "Barros", "Beaumont", "Castellan", "Dahlgren", "Demir", "Eklund", "Farrow",
    "Ferrante", "Gallo", "Hadley", "Halvorsen", "Ibarra", "Jansson", "Kaplan", "Kessler", "Laurent", "Lindqvist",
    "Marchetti", "Moreau", "Navarro", "Nygaard", "Okafor", "Orlov", "Pereira", "Quist", "Rahimi", "Ravel",
    "Sandoval", "Sorensen", "Tanaka", "Thorne", "Uchida", "Valente", "Vance", "Wexler", "Winther", "Yilmaz",
    "Zeller",
)  # fmt: skip
BAND_ADJECTIVES = (
    "Amber", "Broken", "Cobalt", "Distant", "Electric", "Feral", "Glass", "Hollow", "Iron", "Ivory", "Lunar",
    "Midnight", "Nervous", "Northern", "Opal", "Paper", "Quiet", "Restless", "Silver", "Solar", "Static",
    "Velvet", "Wandering", "Wild",
)  # fmt: skip
BAND_NOUNS = (
    "Antlers", "Arcade", "Cartographers", "Choir", "Comets", "Embassy", "Engines", "Ferry", "Foxes", "Garden",
    "Harbour", "Lanterns", "Machines", "Meridian", "Orchard", "Parade", "Pilots", "Rivers", "Satellites",
    "Sparrows", "Tides", "Union", "Weather", "Wolves",
)  # fmt: skip
FOREIGN_NAMES = (
    "青い森", "夜間飛行", "Ночной Поезд", "Снегири", "فرقة القمر", "ليلى حداد", "להקת הים", "서울의 밤",
    "달빛소년", "Θάλασσα", "Αστερίες", "林小月", "北京孩子", "Зимний Сад", "साँझ", "กลางคืน",
)  # fmt: skip
FOREIGN_PEOPLE = (
    "山田太郎", "Иван Морозов", "Ольга Белая", "سامي خليل", "דוד לוי", "김민수", "Γιώργος Νίκου", "王伟",
    "佐藤花子", "Артём Орлов", "नेहा शर्मा", "ธนา วงศ์",
)  # fmt: skip
TITLE_OPENINGS = (
    "After", "Against", "Another", "Before", "Beneath", "Beyond", "Bring Me", "Calling", "Chasing", "Counting",
    "Don't Wake", "Every", "Falling", "Follow", "Forget", "Half", "Holding", "Inside", "Learning", "Leave",
    "Letters To", "Losing", "Meet Me In", "Never", "No More", "One Last", "Only", "Over", "Promise Of",
    "Running From", "Saving", "Slow", "Some Other", "Song For", "Still", "Stolen", "Take", "Tell", "This",
    "Under", "Waiting For", "When", "Without", "Your",
)  # fmt: skip
TITLE_ENDINGS = (
    "Avenue", "Bones", "Borders", "Bridges", "Cinema", "Cities", "Colours", "Daylight", "Distance", "Echoes",
    "Embers", "Fever", "Fiction", "Flood", "Ghosts", "Gold", "Gravity", "Heaven", "Heartbeats", "Home", "Honey",
    "Horizons", "Islands", "July", "Kings", "Light", "Magnets", "Mercy", "Mirrors", "Monday", "Mountains", "Neon",
    "Numbers", "Oceans", "Paradise", "Radio", "Rain", "Saturn", "Shadows", "Silence", "Smoke", "Snow", "Stations",
    "Strangers", "Summer", "Thunder", "Tigers", "Tomorrow", "Trains", "Violets", "Water", "Windows", "Winter",
    "Wires",
)  # fmt: skip
FOREIGN_TITLES = (
    "夏の終わり", "雨の街", "Последний трамвай", "Белые ночи", "ليل طويل", "قمر", "אור ראשון", "봄비", "그림자",
    "Άνοιξη", "Τελευταίο φως", "月亮", "回家", "रात", "ฝน", "さよなら", "Дождь", "星空",
)  # fmt: skip
COMPANIES = (
    "Northlight Productions Ltd.", "Tall Ship Entertainment", "Brick Lane Studios", "Parallel Music Group",
    "Oak & Wire Inc.", "Longshore Records",
)  # fmt: skip
LABELS = ("Harbour Lane", "Pale Blue", "Sixth Floor", "Kite & Key", "Lighthouse Audio", "Marrow", "Ostrich", "Parlour")
GENRES = (
    ("Electronic", "House"), ("Electronic", "Techno"), ("Rock", "Indie Rock"), ("Rock", "Alternative Rock"),
    ("Pop", "Synth-pop"), ("Hip Hop", "Boom Bap"), ("Jazz", "Fusion"), ("Funk / Soul", "Neo Soul"),
    ("Folk, World, & Country", "Folk"),
)  # fmt: skip
VERSIONS = ("Live", "Radio Edit", "Acoustic", "Instrumental", "Extended Mix", "Demo")


def person_name(random: Random, index: int) -> str:
    """The name of a person; every tenth is in another script."""
    if index % round(1 / SHARE_IN_OTHER_SCRIPTS) == 7:
        return FOREIGN_PEOPLE[index // 10 % len(FOREIGN_PEOPLE)]
    return f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"


def artist_name(random: Random, index: int) -> str:
    """The name of an artist, a person or a band; every tenth is in another script."""
    if index % round(1 / SHARE_IN_OTHER_SCRIPTS) == 4:
        return FOREIGN_NAMES[index // 10 % len(FOREIGN_NAMES)]
    band = f"{random.choice(BAND_ADJECTIVES)} {random.choice(BAND_NOUNS)}"
    person = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
    return random.choice((band, f"The {band}", person))


def title(random: Random) -> str:
    """The title of a song or a release; every tenth is in another script."""
    if random.random() < SHARE_IN_OTHER_SCRIPTS:
        return random.choice(FOREIGN_TITLES)
    return f"{random.choice(TITLE_OPENINGS)} {random.choice(TITLE_ENDINGS)}"
