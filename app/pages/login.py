"""`/login`: by a key or by the office's own accounts, and what to do without either; `/logout`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import key_of, may_read, of_session
from app.api.http.login import units
from app.api.http.login.origin import is_own, local
from app.api.http.login.recording import id_in
from app.domain import codes
from app.pages.frame.asking import Refused
from app.pages.frame.page import Page, Paging, problem, told

router = APIRouter(include_in_schema=False)

_MOST_BYTES: Final = 8 * 1024
_FOREIGN: Final = (
    "Biểu mẫu không được gửi từ chính trang này nên không được nhận. Mở lại trang đăng nhập tại đúng địa chỉ"
    " của dịch vụ rồi thử lại."
)
_NOT_VOUCHED: Final = {
    "state": "Lần đăng nhập này đã quá lâu hoặc được bắt đầu ở cửa sổ khác. Đăng nhập lại.",
    "code": "Nơi quản lý tài khoản không xác nhận lần đăng nhập này. Đăng nhập lại; nếu vẫn vậy, báo người quản trị.",
    "expired": "Xác nhận của nơi quản lý tài khoản đã hết hạn. Đăng nhập lại; nếu vẫn vậy, nhờ người quản trị so"
    " đồng hồ hai máy chủ.",
    "nonce": "Xác nhận nhận được là của một lần đăng nhập khác. Đăng nhập lại.",
    "token": "Xác nhận của nơi quản lý tài khoản không hợp lệ. Báo người quản trị; nhật ký dịch vụ ghi lý do.",
}


@router.get("/login")
async def login(page: Paging) -> Response:
    """The page."""
    return await _shown(page)


@router.post("/login")
async def log_in(page: Paging) -> Response:
    """A session for who has a key that reads."""
    if not is_own(page.request, page.service.settings.http.public_url):
        return await _shown(page, 403, page.say(_FOREIGN))
    text = (await _form(page.request)).get("key", "").strip()
    if not text:
        return await _shown(page, 422, page.say("Nhập khóa vào ô dưới đây."))
    with told(page):
        key = await key_of(page.request, page.service, text)
    if key is None:
        page.service.logins.refused(page.request, "unknown_key", key_id=id_in(text))
        return await _shown(page, 401, page.say("Khóa không đúng hoặc đã bị thu hồi. Chép lại nguyên cả khóa."))
    if not may_read(key):
        page.service.logins.refused(page.request, "forbidden_scope", key_id=key.id)
        wrong = "Khóa này chỉ để gửi dữ liệu (ingest), không xem được số liệu. Dùng khóa đọc (read)."
        return await _shown(page, 403, page.say(wrong))
    response = _onwards(page, page.query.get("next"))
    page.service.sessions.begin(page.request, response, key_id=key.id)
    page.service.logins.done(page.request, "logged_in", key_id=key.id, name=key.name)
    return response


@router.post("/logout")
async def log_out(page: Paging) -> Response:
    """The end of the session in this browser."""
    if not is_own(page.request, page.service.settings.http.public_url):
        return await _shown(page, 403, page.say(_FOREIGN))
    response = RedirectResponse(page.link("login"), status_code=303)
    session = page.service.sessions.of(page.request)
    if session is not None:
        whose = {"key_id": session.key_id, "unit": session.unit, "account": session.account}
        page.service.logins.done(page.request, "logged_out", **whose)
    page.service.sessions.end(response)
    return response


@router.get("/login/oidc")
async def ask_provider(page: Paging) -> Response:
    """Send somebody to the provider."""
    from app.api.http.login.oidc import ProviderAway  # late, as in app.main

    provider = page.service.provider
    if provider is None:
        raise Refused(_nothing(page))
    try:
        address, step = await provider.begin(local(page.query.get("next")), page.query.get("unit", ""))
    except ProviderAway:
        return await _shown(page, 503, _away(page))
    response = RedirectResponse(address, status_code=303)
    page.service.sessions.remember(page.request, response, {"step": step, "lang": page.language})
    return response


@router.get("/login/oidc/back")
async def come_back(page: Paging) -> Response:
    """A session for whom the provider vouches for, of the unit it names."""
    from app.api.http.login.oidc import NotVouched, ProviderAway, Step  # late, as in app.main

    provider, query = page.service.provider, page.query
    if provider is None:
        raise Refused(_nothing(page))
    with told(page):
        page.service.limits.require_calm(page.request)
    held = page.service.sessions.remembered(page.request)
    step = None if held is None else Step(*held["step"])
    if held is not None and step is not None:
        # The provider knows one address of ours: what else it had stands in what the browser kept.
        asked = urlencode({"next": step.next, "lang": held["lang"]})
        page = Page(Request({**page.request.scope, "query_string": asked.encode()}), page.service)
    try:
        if "error" in query:
            page.service.logins.refused(page.request, "provider")
            refused = page.say("Nơi quản lý tài khoản từ chối: {why}", why=query["error"][:100])
            return await _shown(page, 403, refused)
        subject, named = await provider.vouched(step, query.get("state", ""), query.get("code", ""))
    except NotVouched as error:
        page.service.logins.refused(page.request, error.kind)
        with told(page):
            await page.service.limits.was_wrong(page.request)
        return await _shown(page, 400 if error.kind == "state" else 403, page.say(_NOT_VOUCHED[error.kind]))
    except ProviderAway:
        return await _shown(page, 503, _away(page))
    assert step is not None
    account = page.service.logins.account_of(subject)
    settings = page.service.settings.oidc
    if not named and settings.default_unit is not None:
        named = [settings.default_unit]
    with told(page):
        reached = await units.reached(page.service, named)
    if step.unit:
        reached = [step.unit for each in reached if codes.is_under(step.unit, each)]
    if len(reached) > 1:
        return await _shown(page, units=reached)
    if not reached:
        page.service.logins.refused(page.request, "no_unit", account=account)
        return await _shown(page, 403, _no_unit(page, named))
    response = _onwards(page, step.next)
    page.service.sessions.begin(page.request, response, unit=reached[0], account=account)
    page.service.logins.done(page.request, "logged_in", unit=reached[0], account=account)
    page.service.sessions.forget(response)
    return response


async def _shown(page: Page, status: int = 200, wrong: str | None = None, units: Sequence[str] = ()) -> Response:
    """The page: what went wrong, the units to choose from."""
    with told(page):
        access = await of_session(page.request, page.service)
    oidc = page.service.settings.oidc
    response = page.render(
        "login.html",
        status=status,
        here="login",
        wrong=wrong,
        units=units,
        next=local(page.query.get("next")) or None,
        by_account=oidc.issuer is not None,
        reads=None if access is None else access.unit,
        days=max(1, round(page.service.settings.auth.session_hours / 24)),
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="chiso"'
    return response


def _onwards(page: Page, where: str | None) -> Response:
    """To where somebody wanted to go, beneath the service's own address."""
    path = local(where)
    home = page.link()
    return RedirectResponse(home.partition("?")[0] + path if path else home, status_code=303)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; of several of a name the first."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise Refused(problem(413, "too_large", "Biểu mẫu quá lớn", f"{_MOST_BYTES // 1024} KiB"))
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _nothing(page: Page) -> dict[str, object]:
    title = page.say("Không có gì ở đây")
    return {"status": 404, "code": "not_found", "title": title, "detail": page.say("Đăng nhập bằng khóa.")}


def _away(page: Page) -> str:
    return page.say("Nơi quản lý tài khoản không trả lời. Thử lại sau ít phút, hoặc đăng nhập bằng khóa.")


def _no_unit(page: Page, named: Sequence[str]) -> str:
    if named:
        words = (
            "Tài khoản của bạn thuộc {units}, không phải đơn vị nào trong danh mục ở đây. Báo người quản trị dịch vụ"
            " này."
        )
        return page.say(words, units=", ".join(named)[:200])
    words = (
        "Tài khoản của bạn không cho biết bạn thuộc đơn vị nào. Nhờ người quản lý tài khoản ghi mã đơn vị của bạn"
        " (ví dụ H44.07) vào thuộc tính “{claim}”, rồi đăng nhập lại."
    )
    return page.say(words, claim=page.service.settings.oidc.claim)
