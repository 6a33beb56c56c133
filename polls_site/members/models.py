from django.conf import settings
from django.db import models

from polls.models import Question


class Follow(models.Model):
    """A poll that a member wants to see on their own page."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="follows")
    question = models.ForeignKey(Question, on_delete=models.CASCADE)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["member", "question"], name="followed_once")]

    def __str__(self):
        return f"{self.member} follows {self.question}"
