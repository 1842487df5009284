// The rules that are active: stage, owner, how often each was right and of how many, what it costs; and the exceptions.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { rulesQuery } from "../api/queries";
import type { RuleException, RuleList, RulePrecision, RuleSummary } from "../api/types";
import { Page } from "../app/page";
import { useMessages, useNumber, usePick } from "../app/settings";
import { SeverityLabel } from "../parts/labels";
import { Empty, Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { When } from "../parts/when";

export function RulesPage() {
  const m = useMessages();
  const query = useQuery(rulesQuery);
  return (
    <Page title={m.rules.title} beside={query.data && <span className="count">{m.rules.days(query.data.days)}</span>}>
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {query.data && <Rules list={query.data} />}
    </Page>
  );
}

function Rules({ list }: { list: RuleList }) {
  const m = useMessages();
  const number = useNumber();
  const paused = list.rules.filter((rule) => rule.paused);
  return (
    <>
      {paused.length > 0 && <p role="status">{m.rules.resting(number(paused.length))}</p>}
      <Panel title={m.rules.all(number(list.rules.length))}>
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{m.rules.rule}</th>
                <th scope="col">{m.severity.label}</th>
                <th scope="col">{m.rules.stage}</th>
                <th scope="col">{m.rules.owner}</th>
                <th scope="col" className="right">
                  {m.rules.alerts}
                </th>
                <th scope="col" className="right">
                  {m.rules.precision}
                </th>
                <th scope="col" className="right">
                  {m.rules.cost}
                </th>
              </tr>
            </thead>
            <tbody>
              {list.rules.map((rule) => (
                <RuleRow key={rule.id} rule={rule} />
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <Panel title={m.rules.exceptions}>
        {list.exceptions.length === 0 ? (
          <Empty>{m.rules.exceptionsNone}</Empty>
        ) : (
          <ul className="facts">
            {list.exceptions.map((exception) => (
              <ExceptionLine key={exception.id} exception={exception} />
            ))}
          </ul>
        )}
      </Panel>
    </>
  );
}

function RuleRow({ rule }: { rule: RuleSummary }) {
  const m = useMessages();
  const pick = usePick();
  const number = useNumber();
  return (
    <tr>
      <td>
        <Link to="/alerts" search={{ rule: rule.id, status: "all" }}>
          {pick(rule.title)}
        </Link>
        {rule.paused && <strong> {m.rules.rests(number(rule.events_not_judged))}</strong>}
      </td>
      <td>
        <SeverityLabel severity={rule.level} />
      </td>
      <td>{m.rules.stages[rule.stage]}</td>
      <td>{rule.owner ?? "–"}</td>
      <td className="right">
        {number(rule.alerts_raised)}
        {rule.alerts_shadow > 0 && <span className="faint"> {m.rules.shadow(number(rule.alerts_shadow))}</span>}
      </td>
      <td className="right">
        <Precision precision={rule.precision} />
      </td>
      <td className="right">{rule.cost ? m.rules.ns(number(Math.round(rule.cost.ns))) : "–"}</td>
    </tr>
  );
}

/** Never a share without the number that it is a share of. */
function Precision({ precision }: { precision: RulePrecision }) {
  const m = useMessages();
  const number = useNumber();
  if (precision.value === undefined) return <span className="faint">–</span>;
  return <>{m.rules.share(number(Math.round(precision.value * 100)), number(precision.n))}</>;
}

function ExceptionLine({ exception }: { exception: RuleException }) {
  const m = useMessages();
  const number = useNumber();
  return (
    <li>
      <span>
        {exception.title}
        <small>
          {exception.reason ?? m.rules.noReason}
          {exception.owner && ` · ${exception.owner}`}
          {" · "}
          {exception.expires ? <When time={exception.expires} as="brief" /> : m.rules.noEnd}
          {exception.expired && ` · ${m.rules.expired}`}
        </small>
      </span>
      <strong>{m.rules.hidden(number(exception.hidden))}</strong>
    </li>
  );
}
