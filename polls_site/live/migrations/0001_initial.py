from django.db import migrations

TELL = """
CREATE FUNCTION live_tell_of_votes() RETURNS trigger AS $$
BEGIN
    PERFORM pg_notify('live_votes', json_build_object(
        'poll', NEW.question_id,
        'choice', NEW.id,
        'votes', NEW.votes,
        'told', NEW.votes - OLD.votes,
        'since', extract(epoch FROM clock_timestamp())
    )::text);
    RETURN NULL;
END
$$ LANGUAGE plpgsql;

CREATE TRIGGER live_votes AFTER UPDATE OF votes ON polls_choice
FOR EACH ROW WHEN (OLD.votes <> NEW.votes) EXECUTE FUNCTION live_tell_of_votes();
"""

TELL_NO_MORE = """
DROP TRIGGER live_votes ON polls_choice;
DROP FUNCTION live_tell_of_votes();
"""


class Migration(migrations.Migration):
    """Whatever changes a choice's votes tells of it in its own transaction: what is rolled back is no news."""

    initial = True

    dependencies = [("polls", "0001_initial")]

    operations = [migrations.RunSQL(TELL, TELL_NO_MORE)]
