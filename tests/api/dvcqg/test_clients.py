"""Programs as they call the national portal, by their own tests of success: none of their calls may fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.intake.dvcqg.payloads import STORIES
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


class OfSessions:
    """Logs in, asks whether the dossier is there, fetches its procedure, tells it, then its last step."""

    def __init__(self, served: Running) -> None:
        self._served = served
        self._session = ""

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Charset": "utf-8", "dstcode": "VN:GOV:000.00.00.G22:vpcpdvcprovider"}
        answer = await self._served.client.post(f"/dvcqg/{self._served.key}/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def _call(self, endpoint: str, service: str, **more: Any) -> dict[str, Any]:
        envelope = {"session": self._session, "madonvi": "H44", "service": service}
        return await self._post(endpoint, envelope | more)

    async def log_in(self) -> None:
        told = await self._post(
            "XrdAdapter/RestService/forward/mapi/login?dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider",
            {"username": "chiso", "password": "bat ky"},
        )
        assert int(told["error_code"]) == 0
        self._session = told["session"]
        assert len(self._session) == 36

    async def publish(self, dossier: dict[str, Any], steps: list[dict[str, Any]]) -> str:
        """Whether it was an update, as the client sends it."""
        known = (await self._call("mapi/g", "TraCuuHoSo", mahoso=dossier["MaHoSo"]))["result"]
        updating = "True" if known else "False"
        [procedure] = (await self._call("mapi/share", "LayThuTuc", maTTHC=dossier["MaTTHC"]))["result"]
        field = procedure["LINHVUCTHUCHIEN"][0]
        named = {"TenTTHC": procedure["TENTTHC"], "MaLinhVuc": field["MALINHVUC"], "TenLinhVuc": field["TENLINHVUC"]}
        told = await self._call("mapi/g", "DongBoHoSoMC", isUpdating=updating, data=[dossier | named])
        assert told["error_code"] == "0", "the text, not a number"
        told = await self._call("mapi/g", "CapNhatTienDoHoSoMC", data=steps[-1:])
        assert told["error_code"] == "0"
        return updating


async def test_a_client_of_sessions(served: Running) -> None:
    client = OfSessions(served)
    await client.log_in()
    for calls in STORIES.values():
        dossiers = [elements[0] for service, elements in calls if service == "DongBoHoSoMC"]
        steps = [elements for service, elements in calls if service == "CapNhatTienDoHoSoMC"]
        assert [await client.publish(*each) for each in zip(dossiers, steps, strict=True)] == [
            "False", *["True"] * (len(dossiers) - 1),
        ]  # fmt: skip
    for service in ("LayDanhSachTTHC", "LayDanhMucCoQuan", "LayDanhMucLinhVuc"):
        told = await client._call("mapi/share", service)
        assert told["error_code"] == "0"
    assert [each["MADONVI"] for each in (await client._call("mapi/share", "LayDanhMucCoQuan"))["result"]] == [
        "H44", "H44.07", "H44.13", "H44.130",
    ]  # fmt: skip


class OfTheProxy:
    """Bare arrays, one dossier a call; what it takes for success stands in the words of the message."""

    def __init__(self, served: Running) -> None:
        self._base = f"/dvcqg/{served.key}/KetNoiMotCuaQuocGia"
        self._client = served.client

    async def publish(self, dossier: dict[str, Any], steps: list[dict[str, Any]]) -> int:
        """How many calls it took."""
        answer = await self._client.post(f"{self._base}/DongBoHoSoMC", json=[dossier])
        told = answer.json()
        assert told["error_code"] == "0"
        assert "đã tồn tại" not in told["message"].lower(), "it would send it again to another address"
        assert "thành công" in told["message"].lower()
        calls = 1
        for first in range(0, len(steps), 10):
            chunk = steps[first : first + 10]
            plain = (await self._client.post(f"{self._base}/CapNhatTienDoHoSoMC", json=chunk)).text
            assert "thành công" in plain.lower()
            calls += 1
        return calls

    async def catalogue(self, service: str, **query: str) -> Any:
        """JSON within JSON."""
        answer = await self._client.get(f"{self._base}/{service}", params=query)
        return json.loads(answer.json()["message"])["result"]


async def test_a_client_of_the_proxy(served: Running) -> None:
    client = OfTheProxy(served)
    for calls in STORIES.values():
        steps = [each for service, elements in calls if service == "CapNhatTienDoHoSoMC" for each in elements]
        for service, elements in calls:
            if service == "DongBoHoSoMC":
                assert await client.publish(elements[0], steps) == 2
    assert {each["MATTHC"]: each["TENTTHC"] for each in await client.catalogue("LayDanhSachTTHC")} == {
        "1.000001": "Chứng thực", "1.004555": "Cấp giấy phép",
    }  # fmt: skip
    assert await client.catalogue("LayDanhSachTTHCDonVi", maDonVi="H44") == await client.catalogue("LayDanhSachTTHC")
    [procedure] = await client.catalogue("LayThuTuc", maTTHC="1.004555.000.00.00.H44")
    assert procedure["TENTTHC"] == "Cấp giấy phép"


@pytest.mark.parametrize("key", ["", "nobody", "chiso_000000000000_x"])
async def test_who_has_no_key_is_told_so(served: Running, key: str) -> None:
    answer = await served.client.post(f"/dvcqg/{key}/DongBoHoSoMC", json=[])
    assert answer.status_code in (401, 404)


async def test_who_has_no_key_is_told_so_as_its_client_reads_it(served: Running) -> None:
    """In Vietnamese, by the fields of the dialect, and without a word of success."""
    told = (await served.client.post("/dvcqg/nobody/DongBoHoSoMC", json=[])).json()
    assert (told["error_code"], told["code"]) == ("1", "unauthenticated")
    assert told["message"] == told["detail"] == "khóa API không tồn tại hoặc đã bị thu hồi"
    english = await served.client.post("/dvcqg/nobody/DongBoHoSoMC", json=[], headers={"Accept-Language": "en"})
    assert english.json()["message"] == "the key is not known or was revoked"
    keyless = (await served.client.post("/dvcqg/DongBoHoSoMC", json=[])).json()
    assert keyless["message"] == "địa chỉ chưa có khóa: `/dvcqg/(khóa)/DongBoHoSoMC`"
    broken = (await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", content=b"[{")).json()
    assert (broken["error_code"], broken["code"]) == ("1", "invalid_json")
    token = await served.client.post("/dvcqg/oauth/token", data={"client_secret": "x"})
    assert (token.status_code, token.json()["code"]) == (401, 401)
    assert token.json()["data"]["code"] == "unauthenticated"


async def test_a_key_that_reads_does_not_push(served: Running) -> None:
    key = await served.make_key("H44", "read")
    answer = await served.client.post(f"/dvcqg/{key}/DongBoHoSoMC", json=[])
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_scope")
