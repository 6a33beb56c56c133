import re
from inspect import iscoroutinefunction

from django.contrib.auth.models import User
from django.test import TestCase, override_settings
from django.urls import resolve, reverse

from polls.models import Question

from .factories import make_question

TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')


class Index(TestCase):
    def test_says_so_when_there_are_no_polls(self):
        response = self.client.get(reverse("polls:index"))
        self.assertContains(response, "No polls are available.")
        self.assertQuerySetEqual(response.context["latest_question_list"], [])

    def test_shows_a_past_question_and_not_a_future_one(self):
        past = make_question(-30, text="Past?")
        make_question(30, text="Future?")
        response = self.client.get(reverse("polls:index"))
        self.assertQuerySetEqual(response.context["latest_question_list"], [past])
        self.assertNotContains(response, "Future?")

    def test_shows_the_last_five_questions_newest_first(self):
        questions = [make_question(-days) for days in range(1, 7)]
        response = self.client.get(reverse("polls:index"))
        self.assertQuerySetEqual(response.context["latest_question_list"], questions[:5])

    def test_is_where_the_root_address_leads(self):
        self.assertRedirects(self.client.get("/"), "/polls/")


class Detail(TestCase):
    def test_shows_the_question_and_a_labelled_radio_button_for_each_choice(self):
        question = make_question()
        response = self.client.get(f"/polls/{question.id}/")
        self.assertContains(response, f'data-page="detail" data-poll="{question.id}"')
        self.assertContains(response, f"<h1>{question.question_text}</h1>", html=True)
        for number, choice in enumerate(question.choice_set.all(), start=1):
            self.assertContains(
                response, f'<input type="radio" name="choice" id="choice{number}" value="{choice.id}">', html=True
            )
            self.assertContains(response, f'<label class="choice" for="choice{number}">')

    def test_carries_a_csrf_token_in_the_form_and_in_a_cookie(self):
        response = self.client.get(reverse("polls:detail", args=[make_question().id]))
        self.assertContains(response, '<input type="hidden" name="csrfmiddlewaretoken"')
        self.assertIn("csrftoken", response.cookies)

    def test_of_an_unpublished_question_is_not_found(self):
        response = self.client.get(reverse("polls:detail", args=[make_question(5).id]))
        self.assertContains(response, "Page not found", status_code=404)

    def test_of_an_id_beyond_the_range_of_the_database_is_not_found(self):
        self.assertEqual(self.client.get(f"/polls/{10**30}/").status_code, 404)

    def test_escapes_what_people_wrote(self):
        question = make_question(text="<b>Bold?</b>", choices=["<i>Yes</i>"])
        response = self.client.get(reverse("polls:detail", args=[question.id]))
        self.assertContains(response, "&lt;b&gt;Bold?&lt;/b&gt;")
        self.assertContains(response, "&lt;i&gt;Yes&lt;/i&gt;")

    def test_costs_two_queries(self):
        question = make_question()
        with self.assertNumQueries(2):
            self.client.get(reverse("polls:detail", args=[question.id]))


class Results(TestCase):
    def test_show_each_choice_with_its_votes(self):
        question = make_question()
        question.choice_set.filter(choice_text="By train").update(votes=3)
        question.choice_set.filter(choice_text="On foot").update(votes=1)
        response = self.client.get(f"/polls/{question.id}/results/")
        self.assertContains(response, f'data-page="results" data-poll="{question.id}"')
        self.assertContains(response, f"<h1>{question.question_text}</h1>", html=True)
        self.assertEqual(
            [(choice.choice_text, choice.votes, choice.percent) for choice in response.context["choices"]],
            [("By train", 3, 75), ("On foot", 1, 25)],
        )
        for words in ("3 votes", "1 vote", "4 votes in all"):
            self.assertContains(response, f">{words}<")

    def test_work_before_the_first_vote(self):
        response = self.client.get(reverse("polls:results", args=[make_question().id]))
        self.assertContains(response, "0 votes in all")

    def test_of_an_unpublished_question_are_not_found(self):
        response = self.client.get(reverse("polls:results", args=[make_question(5).id]))
        self.assertEqual(response.status_code, 404)

    def test_cost_two_queries(self):
        question = make_question()
        with self.assertNumQueries(2):
            self.client.get(reverse("polls:results", args=[question.id]))


@override_settings(ROOT_URLCONF="polls.tests.async_urls")
class AsyncIndex(Index):
    def test_is_asynchronous(self):
        self.assertTrue(iscoroutinefunction(resolve("/polls/").func))


@override_settings(ROOT_URLCONF="polls.tests.async_urls")
class AsyncDetail(Detail): ...


@override_settings(ROOT_URLCONF="polls.tests.async_urls")
class AsyncResults(Results): ...


class Views(TestCase):
    def test_of_both_kinds_answer_alike(self):
        question = make_question()
        for page in ("", f"{question.id}/", f"{question.id}/results/", f"{question.id}/vote/", f"{10**30}/"):
            with self.subTest(page=page):
                answers = [self.client.get(f"/polls/{page}")]
                with override_settings(ROOT_URLCONF="polls.tests.async_urls"):
                    answers.append(self.client.get(f"/polls/{page}"))
                pages = [TOKEN.sub(b"", answer.content) for answer in answers]
                self.assertEqual(pages[0], pages[1])
                self.assertEqual(answers[0].status_code, answers[1].status_code)
                self.assertEqual(answers[0].headers, answers[1].headers)


class Admin(TestCase):
    def setUp(self):
        self.client.force_login(User.objects.create_superuser("editor"))

    def test_lists_questions_with_their_date_and_finds_them_by_text(self):
        make_question(text="Tea or coffee?")
        make_question(text="Sea or mountains?")
        response = self.client.get(reverse("admin:polls_question_changelist"), {"q": "coffee"})
        self.assertContains(response, "Tea or coffee?")
        self.assertNotContains(response, "Sea or mountains?")
        self.assertContains(response, "Published recently?")
        self.assertContains(response, "By date published")

    def test_adds_a_question_together_with_its_choices(self):
        response = self.client.post(
            reverse("admin:polls_question_add"),
            {
                "question_text": "Tea or coffee?",
                "pub_date_0": "2026-01-01",
                "pub_date_1": "12:00",
                "choice_set-TOTAL_FORMS": 2,
                "choice_set-INITIAL_FORMS": 0,
                "choice_set-0-choice_text": "Tea",
                "choice_set-0-votes": 0,
                "choice_set-1-choice_text": "Coffee",
                "choice_set-1-votes": 0,
            },
        )
        self.assertRedirects(response, reverse("admin:polls_question_changelist"))
        question = Question.objects.get(question_text="Tea or coffee?")
        self.assertEqual([str(choice) for choice in question.choice_set.all()], ["Tea", "Coffee"])

    def test_is_closed_to_the_public(self):
        self.client.logout()
        self.assertRedirects(self.client.get("/admin/"), "/admin/login/?next=/admin/")


class Answers(TestCase):
    def test_carry_the_security_headers_of_a_new_django_project(self):
        response = self.client.get(reverse("polls:index"))
        self.assertEqual(response["X-Frame-Options"], "DENY")
        self.assertEqual(response["X-Content-Type-Options"], "nosniff")
        self.assertEqual(response["Referrer-Policy"], "same-origin")
        self.assertEqual(response["Cross-Origin-Opener-Policy"], "same-origin")
