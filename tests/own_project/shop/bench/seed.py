from catalog.models import Author
from django.contrib.auth.models import User

for n in range(5):
    User.objects.create_superuser(f"user{n}", password="secret")
Author.objects.bulk_create(Author(name=f"author {n}") for n in range(50))
