"""What stands before a number: words that say it is an order or a version, or that it is a telephone number."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

Span = tuple[int, int]
_REACH = 32
_GAP = re.compile(r"[^\w]+")
_BETWEEN = (
    r"[\s\w]{0,3}?(?:\b(?:no|nr|num|number|id|nummer|code)\b)?[\s.:#：=-]*"
    r"(?:is|ist|lautet|war|was|是|为)?[\s:：\"“(（]*$"
)
_ORDER = re.compile(
    r"(?:\b(?:orders?|invoices?|tickets?|tracking|shipments?|ref(?:erence)?|cases?|articles?|items?|parts?|serial|"
    r"models?|sku|isbn|ean|gtin|imei|batch|contract|transaction|po|rma|confirmation|voucher|coupon|"
    r"(?:customer|member|package|parcel|product|policy|booking)s?\s?(?:no|nr|num|number|id|code)|"
    r"bestellung|auftrag|rechnung|artikel|vorgang|vertrag|referenz|aktenzeichen|gutschein|buchung|beleg)|"
    r"(?:bestell|auftrags|rechnungs|kunden|sendungs|paket|artikel|ticket|vorgangs|vertrags|serien|referenz|buchungs|"
    r"modell|chargen|beleg|transaktions|produkt|mitglieds|gutschein)(?:nummer|nr|code|-?id)|"
    r"订单|单号|编号|发票|流水|序列号|型号|货号|合同|工号|商品|条码|批次|会员号|券码|金额|价格)" + _BETWEEN,
    re.IGNORECASE,
)
_CHINESE_ORDER = re.compile(
    r"(?:订单|单号|编号|发票|流水|序列号|型号|货号|合同|工号|条码|批次|会员)\w{0,2}[\s:：是为#]*$"
)
_VERSION = re.compile(
    r"(?:\b(?:v|ver|version|release|build|firmware|driver|update|section|chapter|kapitel|abschnitt|ziffer|punkt|"
    r"treiber|clause)\b\.?|版本号?|固件|章节?|第|[A-Za-z]/)[\s:：是为]*$",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?:\b(?:tel(?! aviv)(?:efon)?(?:nummer)?|phone|telephone|mobile?|cell|call|ring|fax|handy(?:nummer)?|whatsapp|"
    r"rufnummer|mobil(?:nummer)?|anrufen|sms|text|reach|contact|dial)\b|电话|手机|联系方式|致电|热线|座机|传真|拨打|☎|📞|📱)"
    r"[^\n\d]{0,20}$",
    re.IGNORECASE,
)


def is_order(text: str, start: int) -> bool:
    """Whether the words before say that a number counts orders, parcels, articles and the like."""
    before = text[max(0, start - _REACH) : start]
    return bool(_ORDER.search(before) or _CHINESE_ORDER.search(before) or before.rstrip().endswith("#"))


def is_version(text: str, start: int) -> bool:
    """Whether the words before say that dotted numbers are a version or a section."""
    return bool(_VERSION.search(text[max(0, start - _REACH) : start]))


def is_phone(text: str, start: int) -> bool:
    """Whether the words before say that a telephone number comes."""
    return bool(_PHONE.search(text[max(0, start - _REACH) : start]))


def is_free(start: int, end: int, taken: Sequence[Span]) -> bool:
    """Whether a place overlaps none of those taken, which are in order and apart."""
    after = bisect_left(taken, (end, end))
    return after == 0 or taken[after - 1][1] <= start


def longest(form: re.Pattern[str], text: str, possible: Callable[[int, int], bool]) -> Iterator[Span]:
    """Runs of groups of that form, each cut off behind as little as makes it possible.

    Where no cut does, the run may begin at its second group: numbers stand beside numbers.
    """
    at = 0
    while found := form.search(text, at):
        start = found.start()
        end = next((cut for cut in _cuts(text, start, found.end()) if possible(start, cut)), None)
        if end is not None:
            yield start, end
            at = end
        else:
            gap = _GAP.search(text, start, found.end())
            at = gap.end() if gap else found.end()


def _cuts(text: str, start: int, end: int) -> Iterator[int]:
    """Ends at which a run of groups may be cut off, the longest first: the end, and every gap between groups."""
    yield end
    for at in range(end - 1, start, -1):
        if not text[at].isalnum() and text[at - 1].isalnum():
            yield at
