// Short notices at the edge of the page, with a way to undo what they say. They wait while the pointer or focus is on them.
import * as Toast from "@radix-ui/react-toast";
import { createContext, use, useCallback, useState, type ReactNode } from "react";
import { Icon } from "../parts/icons";
import { useMessages } from "./settings";

export interface Notice {
  text: string;
  undo?: () => void;
}

interface Shown extends Notice {
  id: number;
}

/** Older notices give way; nobody reads a pile. */
const NOTICES_MAX = 3;
const STAYS_MS = 8000;

const UndoContext = createContext<((notice: Notice) => void) | undefined>(undefined);

export function UndoProvider({ children }: { children: ReactNode }) {
  const m = useMessages();
  const [shown, setShown] = useState<Shown[]>([]);
  const notify = useCallback((notice: Notice) => {
    setShown((before) => [...before, { ...notice, id: (before.at(-1)?.id ?? 0) + 1 }].slice(-NOTICES_MAX));
  }, []);
  const remove = (id: number) => setShown((before) => before.filter((one) => one.id !== id));
  return (
    <Toast.Provider duration={STAYS_MS} swipeDirection="right" label={m.notices.one}>
      <UndoContext value={notify}>{children}</UndoContext>
      {shown.map((notice) => (
        <NoticeView key={notice.id} notice={notice} gone={() => remove(notice.id)} />
      ))}
      <Toast.Viewport className="notices" label={m.notices.all} />
    </Toast.Provider>
  );
}

function NoticeView({ notice, gone }: { notice: Shown; gone: () => void }) {
  const m = useMessages();
  return (
    <Toast.Root className="notice" onOpenChange={(open) => !open && gone()}>
      <Toast.Description>{notice.text}</Toast.Description>
      {notice.undo && (
        <Toast.Action asChild altText={m.actions.undo} onClick={notice.undo}>
          <button type="button" className="button small">
            <Icon name="undo" />
            {m.actions.undo}
          </button>
        </Toast.Action>
      )}
      <Toast.Close className="button ghost icon" aria-label={m.actions.dismiss}>
        <Icon name="cross" />
      </Toast.Close>
    </Toast.Root>
  );
}

/** Shows a notice. */
export function useNotice(): (notice: Notice) => void {
  const notify = use(UndoContext);
  if (!notify) throw new Error("useNotice outside UndoProvider");
  return notify;
}
