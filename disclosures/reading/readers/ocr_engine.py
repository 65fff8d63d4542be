"""Character recognition by rapidocr. Its models lie in the wheel, so nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

NAME: Final = "ocr"
VERSION: Final = version("rapidocr")

# Height to which the model wants its lines, and the step of its widths.
_HEIGHT: Final = 48
_STEP: Final = 8
# Lines are recognised together up to this width in all: the scores of all letters at every
# place of a larger batch take longer to lay out in memory than to compute.
_BATCH_WIDTH: Final = 640
# Letters of the older script, which mainland print no longer uses, and what it uses: pale pictures
# show 決 for 决.
_OLDER: Final = (
    "決數預總財經費務項計國資營購車運維護貼補險業醫療衛產環節農證備結轉餘級屬單繳類編碼稱欄額"
    "開間關執調應對個協會員話電郵熱氣辦書報發勞動傷養殘濟軍儲糧災債還權買贈與設築構網絡軟檔無"
    "專從為歲選舉監檢組織鄉鎮縣區廳處學習訓際術館體傳廣視樂質測礦優撫離職參積標績評審綜滿時實"
    "億萬長門問題領導據說詳見釋詞試驗紀黨眾團臨嚴確認規則記錄議論訪請責貸貧貨輸邊達過進遠違連"
    "針錢鐵銀銷隊階隨難頁須頻獎喪遺獨齡場園圖層島幣師歸態慶戰損換擔擇撥擬擴掃匯沒況減淨劃創劉"
    "劇勸勵華賣佔盧壓雙變葉號聽啟響約紅純納紙線練細終給統繼續罰藝蘇藥獲慮裝觀覺訂訊許訴診譯該"
    "課負貿敗賬貫賃賠贊趨躍軌輕載較輛遷跡遞邏裡鑒鋼鋒鏡聞陽陰陳陝靜順顧頓風飛飯飲馬駐駕魯雞黃"
    "齊龍雲亞倉儀價僑傾償兒蘭興衝剛刪別廠歷厲臺吳壞塊堅壇墊壯聲殼復夠頭夾奪奮婦媽孫寧寶憲寬賓"
    "尋壽將爾塵嘗盡崗嶺峽鞏帥帳帶幫幹莊庫廟廢異棄張彌彎彈強徹徠憶懷惡懸驚懲慣願戲戶揚擾搶擁掛"
    "揮撿攝敵斷舊顯晉暫雜極樞條來楊傑鬆棗棟樣橋夢樓歡畢漢湯溝滬淚澤潔淺漿瀏塗潤漲漸漁灣濕滾濱"
    "滅燈爐煙煩燒愛牽狀猶獄獻畫暢鹽蓋盤矯礎種祕穩窮競筆篩簽簡籃粵緊"
)
_NEWER: Final = (
    "决数预总财经费务项计国资营购车运维护贴补险业医疗卫产环节农证备结转余级属单缴类编码称栏额"
    "开间关执调应对个协会员话电邮热气办书报发劳动伤养残济军储粮灾债还权买赠与设筑构网络软档无"
    "专从为岁选举监检组织乡镇县区厅处学习训际术馆体传广视乐质测矿优抚离职参积标绩评审综满时实"
    "亿万长门问题领导据说详见释词试验纪党众团临严确认规则记录议论访请责贷贫货输边达过进远违连"
    "针钱铁银销队阶随难页须频奖丧遗独龄场园图层岛币师归态庆战损换担择拨拟扩扫汇没况减净划创刘"
    "剧劝励华卖占卢压双变叶号听启响约红纯纳纸线练细终给统继续罚艺苏药获虑装观觉订讯许诉诊译该"
    "课负贸败账贯赁赔赞趋跃轨轻载较辆迁迹递逻里鉴钢锋镜闻阳阴陈陕静顺顾顿风飞饭饮马驻驾鲁鸡黄"
    "齐龙云亚仓仪价侨倾偿儿兰兴冲刚删别厂历厉台吴坏块坚坛垫壮声壳复够头夹夺奋妇妈孙宁宝宪宽宾"
    "寻寿将尔尘尝尽岗岭峡巩帅帐带帮干庄库庙废异弃张弥弯弹强彻徕忆怀恶悬惊惩惯愿戏户扬扰抢拥挂"
    "挥捡摄敌断旧显晋暂杂极枢条来杨杰松枣栋样桥梦楼欢毕汉汤沟沪泪泽洁浅浆浏涂润涨渐渔湾湿滚滨"
    "灭灯炉烟烦烧爱牵状犹狱献画畅盐盖盘矫础种秘稳穷竞笔筛签简篮粤紧"
)
# Other characters that mainland print does not use give way to one that it uses and that has at
# least this much of their probability.
_STANDARD_SHARE: Final = 0.01
# Above this a page is scaled down to find its lines; letters stay larger than ten pixels.
_DETECT_SIDE: Final = 1400


@dataclass(frozen=True, slots=True)
class Line:
    """A recognised line: ``box`` is ``(x0, top, x1, bottom)`` in pixels, ``score`` 0 to 1."""

    text: str
    score: float
    box: tuple[int, int, int, int]


@cache
def _detector() -> Any:
    from rapidocr import RapidOCR

    models = files("rapidocr") / "models"
    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,
            "Global.max_side_len": 4000,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            # By default strips are enlarged until their short side has 736 pixels.
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECT_SIDE,
            # One thread each: a pool has a worker per processor.
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


@cache
def _recogniser() -> tuple[Any, tuple[str, ...], npt.NDArray[np.bool_]]:
    """The model's session, its characters as mainland print has them (the first stands for
    nothing), and which of them it does not have."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    session = InferenceSession(
        str(files("rapidocr") / "models" / "PP-OCRv6_rec_small.onnx"),
        options,
        providers=["CPUExecutionProvider"],
    )
    known = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    newer = str.maketrans(_OLDER, _NEWER)
    letters = ("", *(letter.translate(newer) for letter in known), " ")
    return session, letters, np.array([_is_foreign(letter) for letter in letters])


def _is_foreign(letter: str) -> bool:
    """Whether an ideograph is not of GB 2312, the characters of common use on the mainland."""
    if not "\u3400" <= letter <= "\u9fff":
        return False
    try:
        letter.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def recognise_crops(crops: Sequence[Image]) -> list[tuple[str, float]]:
    """Text and score of each gray image of one line."""
    session, letters, foreign = _recogniser()
    widths = [max(-(-_HEIGHT * crop.shape[1] // crop.shape[0]), _STEP) for crop in crops]
    read: list[tuple[str, float]] = [("", 0.0)] * len(crops)
    for batch in _batches(widths):
        width = -(-max(widths[n] for n in batch) // _STEP) * _STEP
        lines = np.zeros((len(batch), 3, _HEIGHT, width), dtype=np.float32)
        for place, n in enumerate(batch):
            lines[place, :, :, : widths[n]] = _scaled(crops[n], widths[n])
        [scores] = session.run(None, {session.get_inputs()[0].name: lines})
        for place, n in enumerate(batch):
            read[n] = _decoded(scores[place], letters, foreign)
    return read


def _batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Places of lines of like width that are recognised together."""
    batch: list[int] = []
    for n in sorted(range(len(widths)), key=lambda n: widths[n]):
        if batch and widths[n] * (len(batch) + 1) > _BATCH_WIDTH:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch


def _scaled(crop: Image, width: int) -> npt.NDArray[np.float32]:
    import cv2

    scaled = cv2.resize(crop, (width, _HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(scaled, dtype=np.float32) / 127.5 - 1


def _decoded(
    scores: npt.NDArray[np.float32], letters: Sequence[str], foreign: npt.NDArray[np.bool_]
) -> tuple[str, float]:
    """The letters of a line from the probability of each at every step: runs are one letter."""
    best = scores.argmax(axis=1)
    score = scores.max(axis=1)
    for step in np.flatnonzero(foreign[best]):
        others = np.where(foreign, 0, scores[step])
        others[0] = 0
        other = int(others.argmax())
        if others[other] >= _STANDARD_SHARE * score[step]:
            best[step], score[step] = other, score[step] + others[other]
    text: list[str] = []
    sure: list[float] = []
    last = ""
    for number, certainty in zip(best.tolist(), score.tolist(), strict=True):
        letter = letters[number]
        if letter and letter != last:
            text.append(letter)
            sure.append(certainty)
        last = letter
    return "".join(text), sum(sure) / len(sure) if sure else 0.0


def detect(page: Image) -> list[tuple[int, int, int, int]]:
    """Boxes of the lines of a gray page, in pixels, from top to bottom."""
    import cv2

    height, width = page.shape
    if min(height, width) < 8:
        return []
    scale = min(1.0, _DETECT_SIDE / max(height, width))
    small = page if scale == 1 else cv2.resize(page, None, fx=scale, fy=scale, interpolation=3)
    found = _detector()(
        np.repeat(small[:, :, None], 3, 2), use_det=True, use_cls=False, use_rec=False
    )
    boxes: list[tuple[int, int, int, int]] = []
    for corners in () if found.boxes is None else found.boxes:
        xs, ys = corners[:, 0] / scale, corners[:, 1] / scale
        box = (
            max(int(xs.min()), 0),
            max(int(ys.min()), 0),
            min(int(xs.max()) + 1, width),
            min(int(ys.max()) + 1, height),
        )
        if box[2] - box[0] > 3 and box[3] - box[1] > 3:
            boxes.append(box)
    return sorted(boxes, key=lambda box: (box[1], box[0]))


def read_lines(page: Image) -> list[Line]:
    """The lines of a gray page, from top to bottom."""
    boxes = detect(page)
    texts = recognise_crops([page[top:bottom, x0:x1] for x0, top, x1, bottom in boxes])
    return [
        Line(text, score, box)
        for box, (text, score) in zip(boxes, texts, strict=True)
        if text.strip()
    ]
