"""The pages of views.py, asynchronous: by Django's a-methods, which run each query in a thread."""

from django.db.models import F
from django.http import HttpResponseRedirect
from django.shortcuts import aget_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from .models import Question
from .views import NO_CHOICE, UNKNOWN_CHOICE, form_again, totals


async def index(request):
    questions = [question async for question in Question.objects.published().order_by("-pub_date")[:5]]
    return render(request, "polls/index.html", {"latest_question_list": questions})


async def detail(request, pk):
    return render(request, "polls/detail.html", {"question": await with_choices(pk)})


async def results(request, pk):
    question = await with_choices(pk)
    return render(request, "polls/results.html", {"question": question, **totals(question)})


@require_POST
async def vote(request, question_id):
    question = await aget_object_or_404(Question.objects.published(), pk=question_id)
    choice_id = request.POST.get("choice")
    if not choice_id:
        return form_again(request, await with_choices(question_id), NO_CHOICE)
    if not await add_one(question, choice_id):
        return form_again(request, await with_choices(question_id), UNKNOWN_CHOICE)
    return HttpResponseRedirect(reverse("polls:results", args=(question.id,)))


async def with_choices(pk):
    """A published question. Its choices are read as well: a template cannot wait for them."""
    return await aget_object_or_404(Question.objects.published().prefetch_related("choice_set"), pk=pk)


async def add_one(question, choice_id):
    """As views.add_one."""
    try:
        return await question.choice_set.filter(pk=choice_id).aupdate(votes=F("votes") + 1) == 1
    except ValueError:  # Not a number.
        return False
