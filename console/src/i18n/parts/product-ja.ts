// Japanese texts of products, findings and advisories.
import type { Messages } from "../messages";

const number = new Intl.NumberFormat("ja");
const n = (value: number) => number.format(value);

const products: Messages["products"] = {
  title: "製品",
  count: (count) => `${n(count)} 製品`,
  emptyTitle: "製品はまだありません",
  empty: "POST /api/v1/products で製品を、続いてバージョンとその SBOM を登録してください。脆弱性はすぐに表示されます。",
  noAdvisories:
    "サーバーに脆弱性情報がないため、何も検出できません。`yagura feed import --db DIR` で取り込んでください。",
  product: "製品",
  kind: "種類",
  kinds: { vehicle_line: "車種", ecu: "制御ユニット", software: "ソフトウェア" },
  line: "系列",
  newest: "最新バージョン",
  versions: "バージョン",
  vehicles: "車両",
  open: "対応待ち",
  exploited: "悪用確認済み",
  owner: "担当者",
  nobody: "未定",
  none: "なし",
};

const product: Messages["productPage"] = {
  title: "製品",
  version: "バージョン",
  added: "登録",
  sbom: "部品表（SBOM）",
  noSbom: "未登録",
  components: "コンポーネント",
  unidentified: "不明",
  unidentifiedTitle: (count) => `特定できないコンポーネント ${n(count)} 件`,
  matched: "照合",
  anomalies: "SBOM の問題点",
  findings: "脆弱性",
  findingsNone: "このバージョンに該当する既知の脆弱性はありません。",
  states: {
    label: "状態",
    all: "すべて",
    open: "未対応",
    triaged: "調査中",
    decided: "判断済み",
    fixed: "修正済み",
    gone: "該当なし",
  },
  vulnerability: "脆弱性",
  component: "コンポーネント",
  why: "理由",
  score: "CVSS 値",
  fixedIn: "修正版",
  confidence: "確度",
  percent: (count) => `${n(count)} %`,
  more: "さらに読み込む",
};

const finding: Messages["finding"] = {
  title: "脆弱性の該当",
  explanation: "この製品に該当する理由",
  identity: "識別名",
  range: "影響を受けるバージョン",
  running: "次の環境のみ",
  sources: "各情報源の記載",
  decide: "判断する",
  decisions: "この脆弱性への判断",
  decisionsNone: "まだ判断されていません。",
  status: "製品の状態",
  statuses: {
    affected: "影響あり",
    not_affected: "影響なし",
    fixed: "修正済み",
    under_investigation: "調査中",
  },
  scope: "範囲",
  scopes: { version: "このバージョン", product: "製品の全バージョン", line: "製品系列", portfolio: "全製品" },
  justification: "根拠",
  justifications: {
    component_not_present: "コンポーネントが含まれていない",
    vulnerable_code_not_present: "脆弱なコードが含まれていない",
    vulnerable_code_not_in_execute_path: "脆弱なコードが実行されない",
    vulnerable_code_cannot_be_controlled_by_adversary: "攻撃者が脆弱なコードに到達できない",
    inline_mitigations_already_exist: "対策が組み込み済み",
  },
  reason: "理由",
  until: "期限",
  undo: "取り消す",
  undone: (by) => `${by} が取り消し`,
  holds: "適用中",
  history: "履歴",
  changes: {
    appeared: "検出",
    gone: "該当なし",
    changed: "変更",
    decided: "判断",
    decision_ended: "判断の期限切れ",
  },
  server: "サーバー",
};

const advisory: Messages["advisory"] = {
  title: "脆弱性",
  concerned: (versions, vehicles) => `製品バージョン ${n(versions)} 件、車両 ${n(vehicles)} 台`,
  none: "該当する製品はありません。",
  products: "該当する製品",
  remedies: "対処",
  references: "参考資料",
};

export const productTexts = { products, productPage: product, finding, advisory };
