"""Clients of AWS: made when needed, one of a kind."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from functions.runtime.cloud import Cloud

ROOT = Path(__file__).resolve().parents[2]


def test_threads_share_one_client_of_each_service() -> None:
    """Making one is not safe from several threads at once; calling it is."""
    cloud = Cloud("eu-central-1")
    with ThreadPoolExecutor(8) as threads:
        clients = {id(client) for client in threads.map(lambda _: cloud.dynamodb(), range(8))}
    assert len(clients) == 1
    assert cloud.sqs().meta.region_name == "eu-central-1"
    assert cloud.sns().meta.service_model.service_name == "sns"
    assert cloud.lambda_().meta.service_model.service_name == "lambda"


def test_an_endpoint_is_for_all_services() -> None:
    """The sandbox has one."""
    cloud = Cloud("us-east-1", "http://127.0.0.1:4566")
    assert {cloud.sqs().meta.endpoint_url, cloud.dynamodb().meta.endpoint_url} == {"http://127.0.0.1:4566"}


def test_boto3_is_not_loaded_before_a_client_is_needed() -> None:
    """It is the larger part of a cold start."""
    program = "import sys; from functions.runtime.cloud import Cloud; Cloud('us-east-1'); print('boto3' in sys.modules)"
    done = subprocess.run(  # noqa: S603 - this interpreter, on the line above
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False\n"
