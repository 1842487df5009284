// Japanese texts of incidents.
import type { Messages } from "../messages";

const number = new Intl.NumberFormat("ja");
const n = (value: number) => number.format(value);

export const incidents: Messages["incidents"] = {
  title: "インシデント",
  count: (shown, more) => `${n(shown)} 件${more ? "を読み込み済み、続きあり" : ""}`,
  sort: "並び順",
  sorts: { score: "スコア順", newest: "新しい順" },
  columns: {
    score: "スコア",
    severity: "重大度",
    incident: "インシデント",
    vehicles: "車両",
    alerts: "アラート",
    rules: "ルール",
    first: "最初のイベント",
    last: "最後のイベント",
    status: "状態",
  },
  scoreOf: (score) => `スコア ${score}（100 点満点）`,
  freshAria: (v) => `新着インシデント ${n(v)} 件を表示`,
  emptyTitle: "インシデントはありません",
  empty: "まだアラートはありません。関連するアラートは一つのインシデントとして、ここに自動で表示されます。",
  emptyFiltered: "この条件に合うインシデントはありません。",
};

export const incident: Messages["incident"] = {
  title: "インシデント",
  kinds: { story: "一つの車両またはアカウント", wave: "複数車両での同じアラート" },
  score: (score) => `100 点中 ${score} 点の理由`,
  parts: { impact: "安全への影響", confidence: "確からしさ", spread: "広がり", state: "車両の状態" },
  pointsOf: (points, most) => `${most} 点中 ${points} 点`,
  points: (points) => (points > 0 ? `+${points}` : `${points}`),
  story: "戦術に沿った経過",
  noTactic: "戦術の指定なし",
  alertCount: (v) => `アラート ${n(v)} 件`,
  vehicles: "車両",
  vehiclesMore: (v) => `ほか ${n(v)} 台`,
  vehiclesNone: "車両に関するものではありません。",
  timeline: (vehicle) => `${vehicle} のタイムライン`,
  entities: "制御ユニット・識別子・アカウント",
  entitiesNone: "アラートはほかに何も示していません。",
  alerts: "アラート",
  alertsFirst: (shown, all) => `全 ${n(all)} 件のうち最初の ${n(shown)} 件`,
  related: "同じ車両・同じ時間帯",
  relatedNone: "これらの車両では、前後 1 時間にほかのことは起きていません。",
  server: "新しい事象により自動で再オープン",
  changed: {
    open: "インシデントを再オープンしました",
    acknowledged: "インシデントを確認済みにしました",
    closed: "インシデントをクローズしました",
  },
  tactics: {
    "initial-access": "初期アクセス",
    execution: "実行",
    persistence: "永続化",
    "privilege-escalation": "権限昇格",
    evasion: "防御回避",
    "credential-access": "認証情報アクセス",
    discovery: "探索",
    "lateral-movement": "水平展開",
    collection: "収集",
    "command-and-control": "遠隔操作",
    "inhibit-response-function": "対応機能の阻害",
    "impair-process-control": "制御の妨害",
    impact: "影響",
  },
  ofAlert: "インシデント",
  ofAlertNone: "まだインシデントに含まれていません。数秒で反映されます。",
};
