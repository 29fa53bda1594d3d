"""A real S3 server: versitygw over a folder."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from authority import Authority
from surelabel_cli.processes import Child, ProcessFamily, free_ports, wait_until
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage


class S3Server:
    """An S3 server with one bucket, as a context manager; ``stop`` and ``start`` may follow each
    other, the address and the objects stay."""

    region = "us-east-1"
    bucket = "labels"

    def __init__(self, binary: Path, folder: Path, *, tls: bool = False) -> None:
        """``tls``: https, with a certificate that only its own authority vouches for."""
        self.family = ProcessFamily(folder)
        self.authority = Authority() if tls else None
        self.binary = binary
        self.access_key = secrets.token_hex(10)
        self.secret_key = secrets.token_hex(20)
        self.port = free_ports(1)[0]
        self._child: Child | None = None

    @property
    def endpoint(self) -> str:
        """The server's URL."""
        return f"http{'s' if self.authority else ''}://127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        """The bucket's URI, without a slash at the end."""
        return f"s3://{self.bucket}"

    @property
    def credentials(self) -> dict[str, str]:
        """obstore's configuration keys."""
        return {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same as ambient credentials of a process, with endpoint and region."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_ALLOW_HTTP": "true",
        }

    def storage(self, **credentials: str) -> Storage:
        """A client that may touch everything there; ``credentials``: others in place of its own."""
        access = StorageAccess(prefixes=None, endpoint=self.endpoint, region=self.region)
        return Storage(access, {**self.credentials, **credentials}, timeout_seconds=10)

    def __enter__(self) -> Self:
        self.family.__enter__()
        try:
            self.start()
        except BaseException:
            self.family.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.family.stop()

    def start(self) -> None:
        """Start the server and wait until it listens."""
        # A folder of the top level is a bucket.
        buckets = self.family.folder / "buckets"
        (buckets / self.bucket).mkdir(parents=True, exist_ok=True)
        metadata = self.family.folder / "metadata"
        metadata.mkdir(exist_ok=True)
        self._child = self.family.start(
            "versitygw",
            [
                *(self.binary, "--port", f"127.0.0.1:{self.port}", "--region", self.region),
                # Beside the objects, since not every temporary folder has extended attributes.
                *self._tls(),
                *("posix", "--sidecar", metadata, buckets),
            ],
            env={
                **os.environ,
                "ROOT_ACCESS_KEY_ID": self.access_key,
                "ROOT_SECRET_ACCESS_KEY": self.secret_key,
            },
        )
        wait_until("versitygw", self._listens, self._child, 30)

    def stop(self) -> None:
        """End the server: connections are refused from now on."""
        if self._child is not None:
            self._child.kill()

    def _tls(self) -> list[str | Path]:
        if self.authority is None:
            return []
        certificate, key = self.family.folder / "tls.crt", self.family.folder / "tls.key"
        self.authority.write_server(certificate, key)
        return ["--cert", certificate, "--key", key]

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
