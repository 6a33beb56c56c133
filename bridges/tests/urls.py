from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path, register_converter

from tests import views


class AskingConverter:
    """Asks the database, which the event loop's thread may not."""

    regex = "[a-z]+"

    def to_python(self, value):
        from django.contrib.auth.models import Group

        Group.objects.filter(name=value).exists()
        return value

    def to_url(self, value):
        return value


register_converter(AskingConverter, "asking")

KINDS = [
    views.plain,
    views.asynchronous,
    views.decorated,
    views.stream,
    views.stream_from_database,
    views.asynchronous_stream,
    views.stream_of_asynchronous_view,
    views.failing_stream,
    views.endless,
    views.asynchronous_endless,
    views.file,
    views.large_file,
    views.asynchronous_stream_after_a_query,
    views.asynchronous_stream_with_a_query,
    views.asynchronous_stream_that_speaks,
    views.stream_that_waits_in_a_thread,
    views.holding,
    views.holding_stream,
    views.nested,
    views.asks_a_thread,
    views.fails,
    views.variable,
    views.speaks,
    views.prefix,
    views.user,
    views.asynchronous_user,
    views.stores,
    views.session_of_database,
    views.upload,
]

urlpatterns = [
    *(path(f"{view.__name__}/", view, name=view.__name__) for view in KINDS),
    path("asynchronous_class/", views.AsynchronousClass.as_view()),
    path("synchronous_class/", views.SynchronousClass.as_view()),
    path("asking/<asking:word>/", lambda request, word: views.plain(request)),
    path("below/", include([path("asynchronous/", views.asynchronous)])),
    *i18n_patterns(path("spoken/", views.asynchronous)),
]
