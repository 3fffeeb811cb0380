"""How each kind of software sends dossiers and steps to the same address, and what it takes for success."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.running import Running

Element = dict[str, Any]


async def _post(served: Running, path: str, body: Any, **query: str) -> Any:
    answer = await served.client.post(f"/dvcqg/{served.key}/{path}", json=body, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def session(served: Running, service: str, elements: list[Element]) -> None:
    """An envelope at one address."""
    body = {"session": "x", "madonvi": "H44", "service": service, "data": elements}
    if service == "DongBoHoSoMC":
        body["isUpdating"] = "False"
    must_be_success(await _post(served, "mapi/g", body))


async def proxy(served: Running, service: str, elements: list[Element]) -> None:
    """A bare array at an address for each service."""
    must_be_success(await _post(served, f"KetNoiMotCuaQuocGia/{service}", elements))


async def gateway(served: Running, service: str, elements: list[Element]) -> None:
    """A bare array, the agency and whether it is an update in the query; codes as numbers, empty texts as null."""
    plain = [
        {
            name: int(value) if str(value).isdigit() and len(str(value)) < 3 else value or None
            for name, value in each.items()
        }
        for each in elements
    ]
    query = {"MaDinhDanhDV": "000.00.00.H44", "isUpdating": "True"}
    must_be_success(await _post(served, f"api/SynsTTHCC/{service}", plain, **query))


async def oauth(served: Running, service: str, elements: list[Element]) -> None:
    """One object a call, numbers and ISO times; after the first, only what a status is told with."""
    for each in elements:
        name = "CapNhatTienTrinh"
        told = {key: _by_oauth(key, value) for key, value in each.items()}
        if service == "DongBoHoSoMC":
            name = "NoiHoSo"
            told["ThanhPhanHoSo"] = [{**file, "LoaiBan": 2} for file in told.pop("TaiLieuNop")]
            told["LoaiDoiTuong"] -= 1
        answer = await _post(served, f"api/v1/{name}", told)
        assert answer == {"code": 200, "message": "Thành công", "data": {}}


def _by_oauth(name: str, value: Any) -> Any:
    if isinstance(value, str) and value.isdigit():
        if len(value) == 14:
            return datetime.strptime(value, "%Y%m%d%H%M%S").isoformat(" ")  # noqa: DTZ007 - civil
        return int(value) if len(value) < 3 else value
    return None if value == "" else value


def must_be_success(told: Any) -> None:
    """By the code as a text, and by the words."""
    assert told == {"error_code": "0", "message": "Thành công"}


DIALECTS = {"session": session, "proxy": proxy, "gateway": gateway, "oauth": oauth}
