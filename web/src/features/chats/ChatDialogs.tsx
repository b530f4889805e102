import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/api/types";
import { Confirm } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Input } from "@/components/ui/input";
import { toast } from "@/components/ui/toaster";
import { useApp } from "@/lib/app";
import { useStore } from "@/lib/store";
import { show, ui } from "@/lib/ui";
import { deleteChat, renameChat } from "./api";

/** The questions that commands on a chat ask. `current` is the chat on show. */
export function ChatDialogs({ current }: { current: string | null }) {
  const renaming = useStore(ui, (state) => state.renaming);
  return (
    <>
      <Dialog open={renaming !== null} onOpenChange={(open) => !open && show({ renaming: null })}>
        {renaming && <RenameDialog chat={renaming} />}
      </Dialog>
      <DeleteDialog current={current} />
    </>
  );
}

function RenameDialog({ chat }: { chat: Chat }) {
  const app = useApp();
  const { t } = useTranslation();
  const [title, setTitle] = useState(chat.title);
  const wanted = title.trim();

  async function save() {
    show({ renaming: null });
    if (wanted === "" || wanted === chat.title) return;
    await renameChat(app.queryClient, chat.id, wanted).catch(() => toast(t("rename.failed"), "danger"));
  }

  return (
    <DialogContent>
      <DialogTitle>{t("rename.title")}</DialogTitle>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label className="grid gap-1.5 text-sm">
          {t("rename.label")}
          <Input
            value={title}
            maxLength={200}
            onChange={(event) => setTitle(event.target.value)}
            onFocus={(event) => event.target.select()}
          />
        </label>
        <div className="flex justify-end gap-2">
          <DialogClose asChild>
            <Button variant="outline">{t("app.cancel")}</Button>
          </DialogClose>
          <Button type="submit" disabled={wanted === ""}>
            {t("rename.save")}
          </Button>
        </div>
      </form>
    </DialogContent>
  );
}

function DeleteDialog({ current }: { current: string | null }) {
  const app = useApp();
  const { t } = useTranslation();
  const chat = useStore(ui, (state) => state.deleting);

  async function remove(chat: Chat) {
    try {
      if (app.runs.isActive(chat.id)) await app.runs.stop(chat.id);
      if (chat.id === current) app.go.home();
      await deleteChat(app.queryClient, chat.id);
      toast(t("delete.done"));
    } catch {
      toast(t("delete.failed"), "danger");
    }
  }

  return (
    <Confirm
      open={chat !== null}
      onOpenChange={(open) => !open && show({ deleting: null })}
      title={t("delete.title")}
      text={t("delete.text", { title: chat?.title === "" ? t("nav.untitled") : chat?.title })}
      confirm={t("delete.confirm")}
      onConfirm={() => chat && void remove(chat)}
    />
  );
}
