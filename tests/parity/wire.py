"""Rows: the wire protocol (amt.md 0)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_AMT = "contract/test_amt_over_http.py::TestAmtOverHttp"
_HOSTILE = "contract/test_amt_hostile.py"
_MODEL = "unit/amt_validation/test_service_model.py"

PARTS = (
    Part(
        title="The wire",
        rows=(
            Row(
                aws="POST / with X-Amz-Target, JSON 1.1; answers fit botocore's model, with x-amzn-requestid.",
                tests=tests(_AMT, "test_a_job_runs_to_its_limit_and_every_answer_fits_the_service_model"),
            ),
            Row(
                aws="A refusal is HTTP 400 with `__type` and `message`: a ClientError with that code.",
                tests=(
                    *tests(_MODEL, "test_the_error_is_botocores"),
                    *tests(_AMT, "test_a_name_in_use_is_refused_whatever_its_case"),
                ),
            ),
            Row(
                aws="Times are epoch seconds with milliseconds; in requests also as text.",
                tests=(
                    *tests(_MODEL, "test_times_may_be_texts"),
                    *tests("unit/amt/test_amt_requests.py", "test_jobs_are_listed_by_times_given_as_text"),
                ),
            ),
            Row(
                aws="Requests are signed (SigV4) with the key of an IAM principal; a wrong key or signature is "
                "refused.",
                tests=tests(
                    _HOSTILE,
                    "test_who_has_no_key_or_another_is_refused_with_awss_codes",
                    "test_a_signature_covers_body_target_and_time",
                ),
            ),
            Row(
                aws="What a principal may do is said by IAM policies.",
                differs="whoever has the one key pair, which `retune amt serve` made, may do everything.",
            ),
            Row(
                aws="HTTPS, at a host of AWS's own.",
                differs="plain HTTP on loopback; a Host header that is no name of this machine gets 403, so that no "
                "web page "
                "gets in.",
                tests=tests(
                    _HOSTILE,
                    "test_a_foreign_host_is_refused_before_anything_else",
                    "test_this_machines_own_names_are_answered",
                ),
            ),
            Row(
                aws="Another method or content type is no operation.",
                tests=tests(
                    _HOSTILE, "test_another_method_is_no_operation", "test_another_content_type_is_no_operation"
                ),
            ),
            Row(
                aws="Throttled calls get ThrottlingException.",
                differs="nothing is throttled; a store or record that is out is 503, which clients try again.",
            ),
            Row(
                aws="Search, UpdateTrainingJob, AddTags and the other operations of SageMaker.",
                differs="only the operations of tuning and training jobs and ListTags are served; others are refused "
                "as "
                "unknown.",
            ),
        ),
    ),
)
