from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload


class LimitedSize(FileUploadHandler):
    """Ends an upload at UPLOAD_MAX_BYTES, all of its files together. Stands first among FILE_UPLOAD_HANDLERS.

    Under ASGI Django has received the whole of a request before any handler sees it: what bounds that is the proxy.
    """

    def __init__(self, request=None):
        super().__init__(request)
        self.received = 0
        self.exceeded = False

    def receive_data_chunk(self, raw_data, start):
        self.received += len(raw_data)
        if self.received > settings.UPLOAD_MAX_BYTES:
            self.exceeded = True
            # What is left is read and thrown away: an answer to a client that is still sending would be lost.
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size):
        """The next handler makes the file."""
