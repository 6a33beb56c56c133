"""Sample polls for `seed`: a question is a subject and an occasion, its choices are the subject's."""

MAX_CHOICES = 8

OCCASIONS = (
    "first",
    "on a quiet Sunday",
    "for a team of five",
    "when time is short",
    "with a small budget",
    "for a birthday",
    "on a rainy day",
    "for the summer",
    "with the whole family",
    "if you could pick only one",
)

# Each subject: the question, and MAX_CHOICES choices, the likeliest first.
SUBJECTS = (
    (
        "Which pizza would you order",
        ("Margherita", "Quattro formaggi", "Funghi", "Marinara", "Capricciosa", "Diavola", "Napoli", "Calzone"),
    ),
    (
        "Which way would you travel",
        ("By train", "By bicycle", "By car", "By ferry", "On foot", "By night bus", "By plane", "By tram"),
    ),
    (
        "Which game would you put on the table",
        ("Chess", "Scrabble", "Catan", "Carcassonne", "Dominoes", "Backgammon", "Ticket to Ride", "Go"),
    ),
    (
        "Which drink would you choose",
        ("Coffee", "Black tea", "Lemonade", "Hot chocolate", "Green tea", "Apple juice", "Ginger beer", "Water"),
    ),
    (
        "Which city would you visit",
        ("Lisbon", "Kyoto", "Montréal", "Kraków", "Cape Town", "Buenos Aires", "Edinburgh", "Istanbul"),
    ),
    (
        "Which book would you pack",
        (
            "A detective story",
            "Poems",
            "A biography",
            "Science fiction",
            "A history",
            "A cookbook",
            "A play",
            "An atlas",
        ),
    ),
    (
        "Which instrument would you learn",
        ("Piano", "Guitar", "Violin", "Drums", "Flute", "Accordion", "Cello", "Ukulele"),
    ),
    (
        "Which dish would you cook",
        ("Vegetable curry", "Lasagne", "Fried rice", "Lentil soup", "Tacos", "Ratatouille", "Dumplings", "Paella"),
    ),
    (
        "Which outing would you plan",
        ("A museum", "A walk in the woods", "The cinema", "A swim", "A concert", "The zoo", "A market", "A boat trip"),
    ),
    (
        "Which programming language would you use",
        ("Python", "JavaScript", "Rust", "Go", "Java", "C#", "Elixir", "Ruby"),
    ),
    (
        "Which dessert would you bring",
        ("Apple pie", "Ice cream", "Tiramisu", "Fruit salad", "Cheesecake", "Brownies", "Rice pudding", "Pavlova"),
    ),
    (
        "Which flowers would you plant",
        ("Tulips", "Sunflowers", "Roses", "Lavender", "Daffodils", "Poppies", "Peonies", "Marigolds"),
    ),
)


def question_text(question_id):
    """The text of a question by its id, from 1 up: different for each, and the same every time."""
    rounds, place = divmod(question_id - 1, len(SUBJECTS) * len(OCCASIONS))
    turn, number = divmod(place, len(SUBJECTS))
    subject, _ = SUBJECTS[number]
    # Both change from one question to the next, so that neighbours in a list read differently.
    occasion = OCCASIONS[(number + turn) % len(OCCASIONS)]
    again = f" (round {rounds + 1})" if rounds else ""
    return f"{subject} {occasion}?{again}"


def choice_texts(question_id):
    return SUBJECTS[(question_id - 1) % len(SUBJECTS)][1]
