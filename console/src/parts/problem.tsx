// An error for people: title, cause, next step and the id that finds it in the server's log.
import { ApiError } from "../api/client";
import { useMessages, useSettings } from "../app/settings";
import type { Messages } from "../i18n/messages";
import { CopyButton } from "./copy";
import { Icon } from "./icons";

export interface ProblemText {
  title: string;
  cause: string;
  nextStep: string;
  errorId?: string;
}

function titleOf(status: number, m: Messages): string {
  if (status === 401) return m.errors.titles.unauthorized;
  if (status === 403) return m.errors.titles.forbidden;
  if (status === 404) return m.errors.titles.notFound;
  if (status === 409) return m.errors.titles.conflict;
  if (status === 429) return m.errors.titles.tooMany;
  return status >= 500 ? m.errors.titles.server : m.errors.titles.request;
}

/** The words for a failed request. The server's own words win where the reader can read them. */
export function problemText(error: unknown, m: Messages, language: "en" | "ja"): ProblemText {
  if (!(error instanceof ApiError)) {
    const cause = m.errors.causes.page(error instanceof Error ? error.message : String(error));
    return { title: m.errors.titles.page, cause, nextStep: m.errors.steps.reload };
  }
  const errorId = error.errorId;
  const { title, detail, next_step } = error.problem;
  if (error.kind === "unreachable") {
    const { titles, causes, steps } = m.errors;
    return { title: titles.unreachable, cause: causes.unreachable, nextStep: steps.unreachable, errorId };
  }
  if (error.kind === "malformed") {
    const cause = m.errors.causes.malformed(detail ?? "");
    return { title: m.errors.titles.malformed, cause, nextStep: m.errors.steps.malformed, errorId };
  }
  const step = error.status === 401 ? m.errors.steps.signIn : m.errors.steps.reload;
  return {
    title: language === "en" && title ? title : titleOf(error.status, m),
    cause: detail ?? title ?? `HTTP ${error.status}`,
    nextStep: next_step ?? step,
    errorId,
  };
}

export function ProblemView({ problem, retry }: { problem: ProblemText; retry?: () => void }) {
  const m = useMessages();
  return (
    <section className="problem" role="alert">
      <h2>
        <Icon name="warning" />
        {problem.title}
      </h2>
      <dl>
        <dt>{m.errors.cause}</dt>
        <dd>{problem.cause}</dd>
        <dt>{m.errors.nextStep}</dt>
        <dd>{problem.nextStep}</dd>
        {problem.errorId && (
          <>
            <dt>{m.errors.errorId}</dt>
            <dd>
              <code>{problem.errorId}</code> <CopyButton text={problem.errorId} what={m.errors.errorId} />
            </dd>
          </>
        )}
      </dl>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          {m.actions.retry}
        </button>
      )}
    </section>
  );
}

/** A failed query where its answer would have been. */
export function QueryProblem({ error, retry }: { error: unknown; retry?: () => void }) {
  const m = useMessages();
  const { language } = useSettings();
  return <ProblemView problem={problemText(error, m, language)} {...(retry ? { retry } : {})} />;
}
