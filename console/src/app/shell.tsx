// What stands around every page once a person is signed in: the rail with the places to go, choices, and shared keys.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { post } from "../api/client";
import { meQuery } from "../api/queries";
import { totalOf } from "../domain/severity";
import { LANGUAGES, messages } from "../i18n/messages";
import { Icon, Tower, type IconName } from "../parts/icons";
import { QueryProblem } from "../parts/problem";
import { Help } from "./help";
import { useKeys } from "./keys";
import { LiveProvider, useLive } from "./live";
import { THEMES, useMessages, useNumber, useSettings, ZONES, type Theme } from "./settings";
import { UndoProvider } from "./undo";

export function Shell() {
  const me = useQuery(meQuery);
  if (me.isPending) return null;
  if (!me.data) {
    return (
      <main className="sign-in">
        <QueryProblem error={me.error} retry={() => void me.refetch()} />
      </main>
    );
  }
  return (
    <LiveProvider>
      <UndoProvider>
        <Frame user={me.data.user} tenant={me.data.tenant} />
      </UndoProvider>
    </LiveProvider>
  );
}

function Frame({ user, tenant }: { user: string; tenant: string }) {
  const m = useMessages();
  const [help, setHelp] = useState(false);
  useSharedKeys(() => setHelp(true));
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {m.nav.skip}
      </a>
      <div className="rail">
        <Link to="/" className="brand">
          <Tower />
          <span>{m.product}</span>
        </Link>
        <Places />
        <Choices openHelp={() => setHelp(true)} />
        <Person user={user} tenant={tenant} />
      </div>
      <Outlet />
      <Help open={help} close={() => setHelp(false)} />
    </div>
  );
}

function useSharedKeys(openHelp: () => void) {
  const m = useMessages();
  const navigate = useNavigate();
  const { history } = useRouter();
  const { pathname } = useLocation();
  const back = () => {
    if (history.canGoBack()) history.back();
    else history.push(pathname.slice(0, pathname.lastIndexOf("/")) || "/");
  };
  useKeys("everywhere", [
    { keys: "g o", does: m.keys.go.overview, run: () => void navigate({ to: "/" }) },
    { keys: "g i", does: m.keys.go.incidents, run: () => void navigate({ to: "/incidents" }) },
    { keys: "g a", does: m.keys.go.alerts, run: () => void navigate({ to: "/alerts" }) },
    { keys: "g v", does: m.keys.go.vehicles, run: () => void navigate({ to: "/vehicles" }) },
    { keys: "g p", does: m.keys.go.products, run: () => void navigate({ to: "/products" }) },
    { keys: "g r", does: m.keys.go.rules, run: () => void navigate({ to: "/rules" }) },
    { keys: "g e", does: m.keys.go.evidence, run: () => void navigate({ to: "/evidence" }) },
    { keys: "Escape", does: m.keys.back, run: back },
    { keys: "?", does: m.keys.help, run: openHelp },
  ]);
}

function Places() {
  const m = useMessages();
  const number = useNumber();
  const { tick } = useLive();
  const open = tick ? totalOf(tick.alerts_open) : 0;
  const places: {
    to: "/" | "/incidents" | "/alerts" | "/vehicles" | "/products" | "/rules" | "/evidence";
    icon: IconName;
    text: string;
    badge?: string;
  }[] = [
    { to: "/", icon: "overview", text: m.nav.overview },
    { to: "/incidents", icon: "incidents", text: m.nav.incidents },
    { to: "/alerts", icon: "alerts", text: m.nav.alerts, ...(open > 0 ? { badge: number(open) } : {}) },
    { to: "/vehicles", icon: "vehicles", text: m.nav.vehicles },
    { to: "/products", icon: "products", text: m.nav.products },
    { to: "/rules", icon: "rules", text: m.nav.rules },
    { to: "/evidence", icon: "evidence", text: m.nav.evidence },
  ];
  return (
    <nav aria-label={m.nav.label}>
      {places.map(({ to, icon, text, badge }) => (
        <Link key={to} to={to} activeOptions={{ exact: to === "/", includeSearch: false }}>
          <Icon name={icon} />
          <span>{text}</span>
          {badge && <span className="badge">{badge}</span>}
        </Link>
      ))}
    </nav>
  );
}

const THEME_ICONS: Record<Theme, IconName> = { system: "screen", light: "sun", dark: "moon" };

/** Language, colours and clock; also on the sign-in page. */
export function Choices({ openHelp }: { openHelp?: () => void }) {
  const m = useMessages();
  const { language, theme, zone, choose } = useSettings();
  return (
    <div className="choices">
      <div className="switch" role="group" aria-label={m.settings.language}>
        {LANGUAGES.map((one) => (
          <button
            key={one}
            type="button"
            lang={one}
            aria-pressed={one === language}
            onClick={() => choose({ language: one })}
          >
            {messages[one].languageName}
          </button>
        ))}
      </div>
      <div className="switch" role="group" aria-label={m.settings.zone}>
        {ZONES.map((one) => (
          <button key={one} type="button" aria-pressed={one === zone} onClick={() => choose({ zone: one })}>
            {m.settings.zones[one]}
          </button>
        ))}
      </div>
      <div className="choice-row">
        <div className="switch icons" role="group" aria-label={m.settings.theme}>
          {THEMES.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === theme}
              aria-label={m.settings.themes[one]}
              title={m.settings.themes[one]}
              onClick={() => choose({ theme: one })}
            >
              <Icon name={THEME_ICONS[one]} />
            </button>
          ))}
        </div>
        {openHelp && (
          <button
            type="button"
            className="button ghost icon"
            aria-label={m.settings.help}
            title={m.settings.help}
            onClick={openHelp}
          >
            <Icon name="help" />
          </button>
        )}
      </div>
    </div>
  );
}

function Person({ user, tenant }: { user: string; tenant: string }) {
  const m = useMessages();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const signOut = async () => {
    await post("/api/v1/sign-out", undefined);
    queries.clear();
    await navigate({ to: "/sign-in", search: { left: true } });
  };
  return (
    <div className="person">
      <div>
        <strong>{user}</strong>
        <span>{tenant}</span>
      </div>
      <button
        type="button"
        className="button ghost icon"
        aria-label={m.settings.signOut}
        title={m.settings.signOut}
        onClick={() => void signOut()}
      >
        <Icon name="exit" />
      </button>
    </div>
  );
}
