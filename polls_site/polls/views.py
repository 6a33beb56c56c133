"""The tutorial's views, synchronous. A question is shown, and can be voted on, from its publication date."""

from django.conf import settings
from django.db.models import F
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views import generic
from django.views.decorators.http import require_POST

from .models import Choice, Question

NO_CHOICE = "You didn’t select a choice."
UNKNOWN_CHOICE = "That choice doesn’t belong to this poll. Please select one of these."


class IndexView(generic.ListView):
    template_name = "polls/index.html"
    context_object_name = "latest_question_list"

    def get_queryset(self):
        """The last five published questions."""
        return Question.objects.published().order_by("-pub_date")[:5]


class DetailView(generic.DetailView):
    template_name = "polls/detail.html"

    def get_queryset(self):
        return Question.objects.published()


class ResultsView(generic.DetailView):
    template_name = "polls/results.html"

    def get_queryset(self):
        return Question.objects.published()

    def get_context_data(self, **kwargs):
        return super().get_context_data(**totals(self.object), **kwargs)


def totals(question):
    """What the results' template shows of a question: its choices, each with its `percent`, and all votes."""
    choices = list(question.choice_set.all())
    total_votes = sum(choice.votes for choice in choices)
    for choice in choices:
        choice.percent = round(100 * choice.votes / total_votes) if total_votes else 0
    return {"choices": choices, "total_votes": total_votes}


@require_POST
def vote(request, question_id):
    """Record one vote and redirect to the results, or show the form again and say what is wrong with the choice."""
    question = get_object_or_404(Question.objects.published(), pk=question_id)
    choice_id = request.POST.get("choice")
    if not choice_id:
        return form_again(request, question, NO_CHOICE)
    record = read_then_save if settings.VOTE == "read-then-save" else add_one
    if not record(question, choice_id):
        return form_again(request, question, UNKNOWN_CHOICE)
    # A redirect after a POST, so that going back or reloading does not vote twice.
    return HttpResponseRedirect(reverse("polls:results", args=(question.id,)))


def add_one(question, choice_id):
    """Add one vote in a single UPDATE; False when the question has no such choice.

    PostgreSQL does the addition while it holds the row, so of concurrent votes none is lost.
    """
    try:
        return question.choice_set.filter(pk=choice_id).update(votes=F("votes") + 1) == 1
    except ValueError:  # Not a number.
        return False


def read_then_save(question, choice_id):
    """Add one vote in Python and save the sum; False when the question has no such choice.

    Wrong on purpose: two people who read the same number both save the same sum, and one of the votes is gone. It is
    the view of the article that Gatebench reproduces, and stays so that its runs can be repeated and the lost votes
    counted.
    """
    try:
        choice = question.choice_set.get(pk=choice_id)
    except (ValueError, Choice.DoesNotExist):
        return False
    choice.votes += 1
    choice.save()
    return True


def form_again(request, question, error_message):
    return render(request, "polls/detail.html", {"question": question, "error_message": error_message})
