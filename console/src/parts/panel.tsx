// A titled box, the loading state of what goes into it, and what is said when there is nothing.
import type { ReactNode } from "react";
import { useMessages } from "../app/settings";

interface PanelProps {
  title: ReactNode;
  /** Stands at the right of the title. */
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Panel({ title, aside, className, children }: PanelProps) {
  return (
    <section className={className ? `panel ${className}` : "panel"}>
      <header>
        <h2>{title}</h2>
        {aside !== undefined && <div className="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export function Empty({ title, children }: { title?: string; children: ReactNode }) {
  return (
    <div className="empty">
      {title && <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** Grey lines where text will be; said once to screen readers. */
export function Loading({ lines = 3 }: { lines?: number }) {
  const m = useMessages();
  return (
    <div className="loading" role="status" aria-label={m.shared.loading}>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} />
      ))}
    </div>
  );
}
