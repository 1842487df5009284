// The selected event in words and figures, from the event catalogue and the event itself.
import { Link } from "@tanstack/react-router";
import type { SecurityEvent } from "../../api/types";
import { useMessages, useNumber, usePick } from "../../app/settings";
import { bytesOf } from "../../domain/frames";
import { SeverityLabel } from "../../parts/labels";
import { Panel } from "../../parts/panel";
import { Quantity, useCatalogue } from "../../parts/quantity";
import { When } from "../../parts/when";

export function EventDetail({ event }: { event: SecurityEvent }) {
  const m = useMessages();
  const pick = usePick();
  const entry = useCatalogue()(event.event_id);
  const evidence = (
    <Link to="/evidence/$position" params={{ position: String(event.position) }}>
      {m.alert.evidence}
    </Link>
  );
  return (
    <Panel title={pick(event.title)} aside={evidence} className="event-detail">
      <div className="event-words">
        <p>
          <SeverityLabel severity={event.severity} /> <code>{event.event_name}</code> <code>{event.event_id}</code>
          {entry?.technique && <code>{entry.technique}</code>}
        </p>
        {entry && (
          <>
            <h3>{m.vehicle.meaning}</h3>
            <p>{pick(entry.meaning)}</p>
            <h3>{m.vehicle.whatToDo}</h3>
            <p>{pick(entry.what_to_do)}</p>
          </>
        )}
      </div>
      <EventFigures event={event} />
    </Panel>
  );
}

function EventFigures({ event }: { event: SecurityEvent }) {
  const m = useMessages();
  const number = useNumber();
  const columns = m.alert.columns;
  return (
    <dl className="pairs">
      <dt>{columns.time}</dt>
      <dd>
        <When time={event.time} as="full" />
      </dd>
      <dt>{m.evidence.received}</dt>
      <dd>
        <When time={event.received_time} as="full" />
      </dd>
      {event.can_id !== undefined && (
        <>
          <dt>{columns.id}</dt>
          <dd className="mono">{`${event.can_id} · ${columns.bus} ${event.bus ?? m.shared.none}`}</dd>
        </>
      )}
      <dt>{columns.expected}</dt>
      <dd>
        <Quantity event={event} which="expected" />
      </dd>
      <dt>{columns.observed}</dt>
      <dd>
        <Quantity event={event} which="observed" />
      </dd>
      {event.payload && (
        <>
          <dt>{columns.payload}</dt>
          <dd className="mono">{bytesOf(event.payload).join(" ")}</dd>
        </>
      )}
      <dt>{m.alert.countColumn}</dt>
      <dd>{number(event.count)}</dd>
    </dl>
  );
}
