# ruff: noqa: INP001  a script, not part of a package
"""Makes ``decoders/plans/china.csv`` from the data of ``phonenumbers``: run once, checked in.

    python scripts/make_china_plan.py > decoders/plans/china.csv

The look-up of ``phonenumbers`` costs 33 microseconds a number, and more for its city; the prefix
table that `decoders.numbers` compiles from this file a fraction of that. What ``phonenumbers`` does
not hold (carrier-select prefixes, service and emergency numbers) stands here, from the operators'
own lists and YD/T 1131.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator

import phonenumbers
from phonenumbers.geodata import GEOCODE_DATA

_CHINA = "86"
_RULES = """\
country,86,CN,
international,00,,
trunk,0,,
local,7 8,,
short,6,,
select,12593 17950 17951 17910 17911 10193 17908 17909 11808 17960 17961 17990,,
emergency,110 112 119 120 122,,
service,114 116114 118114 117 12117 121 12121 10000 10001 10010 10011 10050 10086 10085 10099,,
service,11185 12110 12123 12306 12315 12318 12320 12333 12345 12348 12365 12366 12580 12530,,
service,12590* 1251* 95* 96* 400* 800* 106* 1008* 1001*,,
"""
_PROVINCE = re.compile(
    r"^(?:[^省]+省|广西(?:壮族自治区)?|内蒙古(?:自治区)?|新疆(?:维吾尔自治区)?|西藏(?:自治区)?"
    r"|宁夏(?:回族自治区)?|云南|四川|贵州|甘肃)(?=.)"
)
_PREFECTURE = re.compile(
    r"(?<=..)(?:(?:朝鲜|土家|苗|侗|布依|藏|羌|彝|哈尼|傣|景颇|傈僳|白|壮|回|蒙古|哈萨克|柯尔克孜)族?)+自治州$"
)
_CUT_SHORT = {"33": "0335", "34": "0349", "58": "0580", "70": "0701"}
"""Area codes that ``phonenumbers`` shortens because no other begins so."""
_RENAMED = {"襄樊": "襄阳", "芒市": "德宏", "香格里拉": "迪庆"}
"""Names for one place, where fixed and mobile numbers have different ones."""
_UNNAMED = {
    "巢湖": "0551",
    "亳州": "0558",
    "嘉峪关": "0937",
    "开封": "0371",
    "来宾": "0772",
    "株洲": "0731",
    "神农架林区": "0719",
    "莱芜": "0634",
    "贵港": "0775",
    "贺州": "0774",
    "金昌": "0935",
}
"""Area codes of cities that share one, under whose own name ``phonenumbers`` has none."""
_HEAD = """\
# China's numbering plan, made by scripts/make_china_plan.py from phonenumbers {version}.
# The form is described in decoders/numbers.py.
kind,prefix,code,name
"""


def city_names(place: str) -> list[str]:
    """Of ``广东省广州市`` the list of ``广州``; several cities may share an area code."""
    cities = _PROVINCE.sub("", place).split("、")
    return [_city(city) for city in cities]


def _city(name: str) -> str:
    short = name.removesuffix("市") if len(name) > 2 else name
    short = _RENAMED.get(short, short)
    return _PREFECTURE.sub("", short.removesuffix("地区").removesuffix("盟"))


def is_area(national: str) -> bool:
    """An area code, and not the service numbers behind one that ``phonenumbers`` also lists."""
    return len(national) <= (2 if national.startswith(("10", "2")) else 3)


def ranges(prefixes: list[str]) -> Iterator[str]:
    """Equally long neighbours as ``first-last``."""
    for length in sorted({len(prefix) for prefix in prefixes}):
        values = sorted(int(prefix) for prefix in prefixes if len(prefix) == length)
        start = before = values[0]
        for value in [*values[1:], -1]:
            if value == before + 1:
                before = value
                continue
            yield str(start) if start == before else f"{start}-{before}"
            start = before = value


def entries() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(place → geographic prefixes, place → mobile prefixes), without the country code."""
    fixed: dict[str, list[str]] = defaultdict(list)
    mobile: dict[str, list[str]] = defaultdict(list)
    for prefix, names in GEOCODE_DATA.items():
        if prefix.startswith(_CHINA) and "zh" in names:
            national = prefix[len(_CHINA) :]
            if re.match(r"1[3-9]", national):
                mobile[names["zh"]].append(national)
            elif is_area(national):
                fixed[names["zh"]].append(national)
    return fixed, mobile


def area_codes(fixed: dict[str, list[str]]) -> dict[str, str]:
    """City → area code with its trunk prefix."""
    codes = dict(_UNNAMED)
    for place, prefixes in fixed.items():
        for city in city_names(place):
            codes.setdefault(city, _CUT_SHORT.get(prefixes[0], f"0{prefixes[0]}"))
    return codes


def lines(kind: str, places: dict[str, list[str]], codes: dict[str, str]) -> Iterator[str]:
    """A line for each place, in a stable order."""
    for place in sorted(places, key=lambda one: min(places[one])):
        cities = city_names(place)
        yield f"{kind},{' '.join(ranges(places[place]))},{codes.get(cities[0], '')},{cities[0]}\n"


def abroad() -> Iterator[str]:
    """Country codes; those that several countries share name none."""
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        if str(code) != _CHINA and regions != ("001",):
            yield f"abroad,{code},{regions[0] if len(regions) == 1 else ''},\n"


def main() -> None:
    """Write the plan to standard output."""
    fixed, mobile = entries()
    codes = area_codes(fixed)
    write = sys.stdout.write
    write(_HEAD.format(version=phonenumbers.__version__) + _RULES)
    for line in (*lines("fixed", fixed, codes), *lines("mobile", mobile, codes), *abroad()):
        write(line)


if __name__ == "__main__":
    main()
