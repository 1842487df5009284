// The console's addresses. Each page loads when it is first opened; each address holds the page's whole state.
import { QueryCache, QueryClient } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  useLocation,
  type ErrorComponentProps,
} from "@tanstack/react-router";
import { ApiError } from "../api/client";
import { ProblemView, QueryProblem } from "../parts/problem";
import { Page } from "./page";
import { alertsSearch, incidentsSearch, signInSearch, vehicleSearch, vehiclesSearch, versionSearch } from "./search";
import { useMessages } from "./settings";
import { Shell } from "./shell";
import { SignIn } from "../pages/sign-in";

const root = createRootRoute({ component: Outlet, notFoundComponent: Nowhere });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: signInSearch,
  component: SignIn,
});

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell, notFoundComponent: Nowhere });

const overview = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: lazyRouteComponent(() => import("../pages/overview"), "OverviewPage"),
});

const alerts = createRoute({
  getParentRoute: () => shell,
  path: "/alerts",
  validateSearch: alertsSearch,
  component: lazyRouteComponent(() => import("../pages/alerts"), "AlertsPage"),
});

const alert = createRoute({
  getParentRoute: () => shell,
  path: "/alerts/$id",
  component: lazyRouteComponent(() => import("../pages/alert"), "AlertPage"),
});

const incidents = createRoute({
  getParentRoute: () => shell,
  path: "/incidents",
  validateSearch: incidentsSearch,
  component: lazyRouteComponent(() => import("../pages/incidents"), "IncidentsPage"),
});

const incident = createRoute({
  getParentRoute: () => shell,
  path: "/incidents/$id",
  component: lazyRouteComponent(() => import("../pages/incident"), "IncidentPage"),
});

const vehicles = createRoute({
  getParentRoute: () => shell,
  path: "/vehicles",
  validateSearch: vehiclesSearch,
  component: lazyRouteComponent(() => import("../pages/vehicles"), "VehiclesPage"),
});

const vehicle = createRoute({
  getParentRoute: () => shell,
  path: "/vehicles/$vehicle",
  validateSearch: vehicleSearch,
  component: lazyRouteComponent(() => import("../pages/vehicle"), "VehiclePage"),
});

const products = createRoute({
  getParentRoute: () => shell,
  path: "/products",
  component: lazyRouteComponent(() => import("../pages/products"), "ProductsPage"),
});

const product = createRoute({
  getParentRoute: () => shell,
  path: "/products/$id",
  component: lazyRouteComponent(() => import("../pages/product"), "ProductPage"),
});

const version = createRoute({
  getParentRoute: () => shell,
  path: "/versions/$id",
  validateSearch: versionSearch,
  component: lazyRouteComponent(() => import("../pages/version"), "VersionPage"),
});

const finding = createRoute({
  getParentRoute: () => shell,
  path: "/findings/$id",
  component: lazyRouteComponent(() => import("../pages/finding"), "FindingPage"),
});

const advisory = createRoute({
  getParentRoute: () => shell,
  path: "/advisories/$id",
  component: lazyRouteComponent(() => import("../pages/advisory"), "AdvisoryPage"),
});

const rules = createRoute({
  getParentRoute: () => shell,
  path: "/rules",
  component: lazyRouteComponent(() => import("../pages/rules"), "RulesPage"),
});

const evidenceIndex = createRoute({
  getParentRoute: () => shell,
  path: "/evidence",
  component: lazyRouteComponent(() => import("../pages/evidence"), "EvidenceIndexPage"),
});

const evidence = createRoute({
  getParentRoute: () => shell,
  path: "/evidence/$position",
  component: lazyRouteComponent(() => import("../pages/evidence"), "EvidencePage"),
});

const tree = root.addChildren([
  signIn,
  shell.addChildren([
    overview,
    incidents,
    incident,
    alerts,
    alert,
    vehicles,
    vehicle,
    products,
    product,
    version,
    finding,
    advisory,
    rules,
    evidenceIndex,
    evidence,
  ]),
]);

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: leadToSignIn }),
  defaultOptions: {
    queries: {
      staleTime: 2000,
      // A refused request is refused again; only a broken way to the server may heal.
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.kind === "unreachable",
    },
  },
});

function leadToSignIn(error: unknown) {
  if (!(error instanceof ApiError) || error.status !== 401) return;
  const { pathname, href } = router.state.location;
  if (pathname === "/sign-in") return;
  void router.navigate({ to: "/sign-in", search: href === "/" ? {} : { next: href } });
}

export const router = createRouter({
  routeTree: tree,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultErrorComponent: Broken,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function Broken({ error, reset }: ErrorComponentProps) {
  const m = useMessages();
  return (
    <Page title={m.errors.titles.page}>
      <QueryProblem error={error} retry={reset} />
    </Page>
  );
}

function Nowhere() {
  const m = useMessages();
  const { pathname } = useLocation();
  const problem = {
    title: m.errors.titles.notFound,
    cause: m.errors.causes.unknownPath(pathname),
    nextStep: m.errors.steps.overview,
  };
  return (
    <Page title={m.errors.titles.notFound}>
      <ProblemView problem={problem} />
    </Page>
  );
}
