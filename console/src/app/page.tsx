// The frame of a page: its title, what stands beside it, and the state of the live connection.
import { useEffect, type ReactNode } from "react";
import { Icon } from "../parts/icons";
import { briefTime, faceOf } from "../domain/time";
import { useNow } from "../parts/when";
import { useLive } from "./live";
import { useMessages, useNumber, useSettings } from "./settings";

interface PageProps {
  title: string;
  /** What the browser's tab says, if not the title. */
  tab?: string;
  /** Where the page belongs; stands before the title. */
  above?: ReactNode;
  /** Stands after the title. */
  beside?: ReactNode;
  actions?: ReactNode;
  /** `fill`: the page is as high as the window and scrolls inside. */
  height?: "grow" | "fill";
  children: ReactNode;
}

export function Page({ title, tab, above, beside, actions, height = "grow", children }: PageProps) {
  const m = useMessages();
  useEffect(() => {
    document.title = `${tab ?? title} · ${m.product}`;
  }, [tab, title, m]);
  return (
    <main className={`page ${height}`} id="content" tabIndex={-1}>
      <header className="page-head">
        {above !== undefined && <div className="above">{above}</div>}
        <h1>{title}</h1>
        {beside !== undefined && <div className="beside">{beside}</div>}
        <div className="actions">{actions}</div>
        <LiveStatus />
      </header>
      <LostBanner />
      <div className="page-body">{children}</div>
    </main>
  );
}

function LiveStatus() {
  const m = useMessages();
  const number = useNumber();
  const { zone } = useSettings();
  const { status, tick } = useLive();
  const rate = tick?.events_per_second ?? 0;
  const face = tick ? faceOf(Date.parse(tick.server_time), zone) : undefined;
  return (
    <div className={`live ${status}`}>
      <span className="dot" />
      <span>{status === "live" ? m.live.live : status === "lost" ? "" : m.live.connecting}</span>
      {status === "live" && <span className="rate">{m.live.rate(number(rate, rate < 10 ? 1 : 0))}</span>}
      {face && (
        <span className="clock">
          {face.time} {face.zone}
        </span>
      )}
    </div>
  );
}

function LostBanner() {
  const m = useMessages();
  const { zone } = useSettings();
  const { status, lostSince } = useLive();
  const now = useNow();
  if (status !== "lost" || lostSince === undefined) return null;
  return (
    <div className="lost" role="alert">
      <Icon name="warning" />
      <strong>{m.live.lost(`${briefTime(lostSince, now, zone)} ${faceOf(lostSince, zone).zone}`)}</strong>
      <span>{m.live.lostHelp}</span>
    </div>
  );
}
