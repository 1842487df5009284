// English texts of products, findings and advisories.

const number = new Intl.NumberFormat("en");
const count = (n: number, one: string, many: string) => `${number.format(n)} ${n === 1 ? one : many}`;

const products = {
  title: "Products",
  count: (n: number) => count(n, "product", "products"),
  emptyTitle: "No products yet",
  empty: "Add one with POST /api/v1/products, a version of it, and the version's SBOM. Its findings are there at once.",
  noAdvisories:
    "No advisories are known to the server, so nothing can be found. Import some with `yagura feed import --db DIR`.",
  product: "Product",
  kind: "Kind",
  kinds: { vehicle_line: "Vehicle line", ecu: "Control unit", software: "Software" },
  line: "Line",
  newest: "Newest version",
  versions: "Versions",
  vehicles: "Vehicles",
  open: "Waiting for somebody",
  exploited: "Exploited",
  owner: "In charge",
  nobody: "Nobody",
  none: "Nothing",
};

const product = {
  title: "Product",
  version: "Version",
  added: "Added",
  sbom: "SBOM",
  noSbom: "None yet",
  components: "Components",
  unidentified: "Unknown",
  unidentifiedTitle: (n: number) =>
    count(n, "component that nothing is known of", "components that nothing is known of"),
  matched: "Matched",
  anomalies: "What is wrong with the SBOM",
  findings: "Findings",
  findingsNone: "Nothing that is known concerns this version.",
  states: {
    label: "State",
    all: "All",
    open: "Open",
    triaged: "In triage",
    decided: "Decided",
    fixed: "Fixed",
    gone: "Gone",
  },
  vulnerability: "Vulnerability",
  component: "Component",
  why: "Why",
  score: "CVSS",
  fixedIn: "Fixed in",
  confidence: "Sure",
  percent: (n: number) => `${number.format(n)} %`,
  more: "Load more",
};

const finding = {
  title: "Finding",
  explanation: "Why this concerns the product",
  identity: "Known as",
  range: "Affected versions",
  running: "Only with",
  sources: "What the sources say",
  decide: "Decide",
  decisions: "Decisions on this vulnerability",
  decisionsNone: "Nobody has decided yet.",
  status: "The product is",
  statuses: {
    affected: "Affected",
    not_affected: "Not affected",
    fixed: "Fixed",
    under_investigation: "Under investigation",
  },
  scope: "For",
  scopes: {
    version: "This version",
    product: "All versions of the product",
    line: "The product line",
    portfolio: "All products",
  },
  justification: "Because",
  justifications: {
    component_not_present: "the component is not in it",
    vulnerable_code_not_present: "the vulnerable code is not in it",
    vulnerable_code_not_in_execute_path: "the vulnerable code is never run",
    vulnerable_code_cannot_be_controlled_by_adversary: "no attacker can reach the vulnerable code",
    inline_mitigations_already_exist: "protections are built in already",
  },
  reason: "Reason in words",
  until: "Until",
  undo: "Undo",
  undone: (by: string) => `Undone by ${by}`,
  holds: "Holds here",
  history: "History",
  changes: {
    appeared: "Appeared",
    gone: "Gone",
    changed: "Changed",
    decided: "Decided",
    decision_ended: "A decision ended",
  },
  server: "Server",
};

const advisory = {
  title: "Vulnerability",
  concerned: (versions: number, vehicles: number) =>
    `${count(versions, "product version", "product versions")}, ${count(vehicles, "vehicle", "vehicles")}`,
  none: "None of the products has it.",
  products: "Which products have it",
  remedies: "What to do",
  references: "More to read",
};

export const productTexts = { products, productPage: product, finding, advisory };
