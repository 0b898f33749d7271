"""Speaking to a hosted model, by pydantic-ai: the one module that loads it, and that is loaded with the first call.

The form goes as a strict schema where the server takes one, and in words where it refuses that. What the libraries do
of their own accord is off: no retry, no proxy, nothing of the environment, no trace of what was said.
"""

from collections.abc import Iterator

import httpx2
from anthropic import AnthropicError, AsyncAnthropic
from openai import AsyncOpenAI, OpenAIError
from pydantic_ai import exceptions
from pydantic_ai.direct import model_request
from pydantic_ai.messages import ModelRequest, ModelResponse, UserPromptPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from haloop.connectors.answers import RETRY_AFTER_SECONDS
from haloop.connectors.egress import Blocked, TooMuch
from haloop.connectors.models.hosted import ModelHost, NotSent, Shape, Written, the_object_in
from haloop.kernel import canonical
from haloop.kernel.failure import Malformed, Permanent, RateLimited, StepFault, Transient
from haloop.kernel.prompt import Prompt

_NO_KEY = "none"
"""What the libraries want to be given where a server on this machine wants nothing."""
_CUT_OFF = "length"
_BAD_REQUEST, _UNPROCESSABLE, _TOO_MANY, _SERVER_ERRORS = 400, 422, 429, 500
_FAILURES = (
    *(exceptions.AgentRunError, OpenAIError, AnthropicError, httpx2.HTTPError, Blocked, TooMuch),
    *(TypeError, AttributeError, LookupError, ValueError),  # the libraries trip over JSON that is no answer
)
_NOT_LET_IN = frozenset({401, 403})


def speaker_of(host: ModelHost, http: httpx2.AsyncClient) -> "Spoken":
    """Who speaks to this host, over this client."""
    key = host.key or _NO_KEY
    if host.shape is Shape.ANTHROPIC:
        anthropic = AsyncAnthropic(api_key=key, base_url=host.address, max_retries=0, http_client=http)
        return Spoken(
            host, AnthropicModel(host.model, provider=AnthropicProvider(anthropic_client=anthropic)), anthropic
        )
    openai = AsyncOpenAI(api_key=key, base_url=host.address, max_retries=0, http_client=http)
    return Spoken(host, OpenAIChatModel(host.model, provider=OpenAIProvider(openai_client=openai)), openai)


class Spoken:
    """One model, in its provider's protocol."""

    def __init__(self, host: ModelHost, model: Model, client: AsyncOpenAI | AsyncAnthropic) -> None:
        self._host = host
        self._model = model
        self._client = client
        self._takes_forms = True

    async def write(self, prompt: Prompt, words: str) -> Written:
        """Its answer, which is one JSON object."""
        try:
            answer = await self._asked(prompt, words, in_form=self._takes_forms)
        except exceptions.ModelHTTPError as error:
            if not self._takes_forms or error.status_code not in (_BAD_REQUEST, _UNPROCESSABLE):
                raise self._fault(error) from error
            answer = await self._asked_without_form(prompt, words)
        except exceptions.UserError:  # the library knows of this model that it takes none
            answer = await self._asked_without_form(prompt, words)
        except _FAILURES as error:
            raise self._fault(error) from error
        if answer.finish_reason == _CUT_OFF:
            raise Malformed(f"{self._host.name} was cut off before its answer was whole.")
        return Written(text=the_object_in(answer.text or ""), tokens=answer.usage.total_tokens)

    async def check(self) -> None:
        """Whether it lets us in; which models it has is asked, and not looked at."""
        try:
            await self._client.models.list()
        except _FAILURES as error:
            raise self._fault(error) from error

    async def _asked_without_form(self, prompt: Prompt, words: str) -> ModelResponse:
        """A server that takes no schema may take the same in words; if it does, it is asked so from now on."""
        try:
            answer = await self._asked(prompt, words, in_form=False)
        except _FAILURES as error:
            raise self._fault(error) from error
        self._takes_forms = False
        return answer

    async def _asked(self, prompt: Prompt, words: str, *, in_form: bool) -> ModelResponse:
        form = OutputObjectDefinition(json_schema=prompt.form, name="answer", strict=True)
        in_words = f"{prompt.does}\n\nAnswer with one JSON object of this schema and nothing else:\n"
        return await model_request(
            self._model,
            [
                ModelRequest(
                    parts=[UserPromptPart(words)],
                    instructions=prompt.does if in_form else in_words + canonical.encode(prompt.form).decode(),
                )
            ],
            model_settings=ModelSettings(max_tokens=prompt.tokens_max),
            model_request_parameters=ModelRequestParameters(
                output_mode="native" if in_form else "text", output_object=form if in_form else None
            ),
            instrument=False,
        )

    def _fault(self, error: Exception) -> StepFault:
        """Whether asking again makes sense; of the other side's words nothing is repeated."""
        who = self._host.name
        behind = list(_causes(error))
        status = next((code for one in behind if isinstance(code := getattr(one, "status_code", None), int)), 0)
        if any(isinstance(one, Blocked) for one in behind):
            return Permanent(f"{who} is at an address that may not be called; model.address says where it is.")
        if status in _NOT_LET_IN:
            return Permanent(f"{who} does not accept our key ({status}).")
        if status == _TOO_MANY:
            return RateLimited(f"{who} asks us to wait.", after_seconds=_retry_after(behind))
        if status >= _SERVER_ERRORS:
            return Transient(f"{who} answered {status}.")
        if status >= _BAD_REQUEST:
            return Permanent(f"{who} refuses what it is asked ({status}); perhaps it has no such model.")
        if any(isinstance(one, httpx2.ConnectError | httpx2.ConnectTimeout) for one in behind):
            return NotSent(f"{who} cannot be reached.")
        if any(isinstance(one, httpx2.TransportError) for one in behind):
            return Transient(f"{who} cannot be reached, or went silent.")
        if any(isinstance(one, TooMuch) for one in behind):
            return Malformed(f"{who} gave an answer that is too long to be one.")
        return Malformed(f"{who} gave an answer that could not be read.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _retry_after(behind: list[BaseException]) -> float:
    for one in behind:
        said = getattr(getattr(one, "response", None), "headers", {}).get("retry-after", "")
        if said.isascii() and said.isdecimal():
            return float(said)
    return RETRY_AFTER_SECONDS
