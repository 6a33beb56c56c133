from django.test import SimpleTestCase
from django.urls import reverse


class Hello(SimpleTestCase):
    """SimpleTestCase allows no query."""

    def test_greets_each_visitor_by_their_number(self):
        for view in ("hello:sync", "hello:async"):
            with self.subTest(view):
                response = self.client.get(reverse(view, args=[7]))
                self.assertContains(response, "<h1>Hello, visitor 7.</h1>", html=True)
                self.assertEqual([template.name for template in response.templates], ["hello/page.html"])

    async def test_answers_an_asynchronous_client_too(self):
        for view in ("hello:sync", "hello:async"):
            with self.subTest(view):
                response = await self.async_client.get(reverse(view, args=[7]))
                self.assertContains(response, "Hello, visitor 7.")

    def test_sets_no_cookie(self):
        self.assertFalse(self.client.get(reverse("hello:sync", args=[7])).cookies)
