// English texts of incidents.

const number = new Intl.NumberFormat("en");
const count = (n: number, one: string, many: string) => `${number.format(n)} ${n === 1 ? one : many}`;

export const incidents = {
  title: "Incidents",
  count: (shown: number, more: boolean) =>
    `${count(shown, "incident", "incidents")}${more ? " loaded, others follow" : ""}`,
  sort: "Sorted by",
  sorts: { score: "Score", newest: "Newest" },
  columns: {
    score: "Score",
    severity: "Severity",
    incident: "Incident",
    vehicles: "Vehicles",
    alerts: "Alerts",
    rules: "Rules",
    first: "First event",
    last: "Last event",
    status: "Status",
  },
  scoreOf: (score: number) => `Score ${score} of 100`,
  freshAria: (n: number) => `Show ${count(n, "new incident", "new incidents")}`,
  emptyTitle: "No incidents",
  empty: "No alerts were raised yet. Incidents appear here by themselves: alerts that belong together are one.",
  emptyFiltered: "No incident matches these filters.",
};

export const incident = {
  title: "Incident",
  kinds: { story: "One vehicle or account", wave: "Same alert on several vehicles" },
  score: (score: number) => `Why ${score} of 100`,
  parts: {
    impact: "Safety impact",
    confidence: "Confidence",
    spread: "Spread",
    state: "Vehicle state",
  },
  pointsOf: (points: number, most: number) => `${points} of ${most}`,
  points: (points: number) => (points > 0 ? `+${points}` : `${points}`),
  story: "What happened, by tactic",
  noTactic: "No tactic named",
  alertCount: (n: number) => count(n, "alert", "alerts"),
  vehicles: "Vehicles",
  vehiclesMore: (n: number) => `and ${number.format(n)} more`,
  vehiclesNone: "It is about no vehicle.",
  timeline: (vehicle: string) => `Time line of ${vehicle}`,
  entities: "Control units, identifiers, accounts",
  entitiesNone: "Its alerts name nothing else.",
  alerts: "Alerts",
  alertsFirst: (shown: number, all: number) => `the first ${number.format(shown)} of ${number.format(all)}`,
  related: "Same vehicles, same time",
  relatedNone: "Nothing else happened to these vehicles within an hour.",
  server: "Opened again: something new happened",
  changed: { open: "Incident reopened", acknowledged: "Incident acknowledged", closed: "Incident closed" },
  tactics: {
    "initial-access": "Initial access",
    execution: "Execution",
    persistence: "Persistence",
    "privilege-escalation": "Privilege escalation",
    evasion: "Evasion",
    "credential-access": "Credential access",
    discovery: "Discovery",
    "lateral-movement": "Lateral movement",
    collection: "Collection",
    "command-and-control": "Command and control",
    "inhibit-response-function": "Inhibiting responses",
    "impair-process-control": "Impairing control",
    impact: "Impact",
  },
  ofAlert: "Incident",
  ofAlertNone: "It is not part of an incident yet; that takes a second.",
};
