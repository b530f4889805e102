import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Invite } from "@/api/types";
import { CopySecret } from "@/components/console/CopySecret";
import { Form } from "@/components/console/fields";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { resend } from "./api";

/** Gives an invitation another link, then shows it. */
export function ResendDialog({ invite, onClose }: { invite: Invite | null; onClose: () => void }) {
  return (
    <Dialog open={invite !== null} onOpenChange={(open) => !open && onClose()}>
      {invite && <Body invite={invite} />}
    </Dialog>
  );
}

function Body({ invite }: { invite: Invite }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const send = useMutation({
    mutationFn: () => resend(invite.id),
    onSuccess: () => client.invalidateQueries({ queryKey: ["members", "invites"] }),
    gcTime: 0, // the link lasts as long as the dialog
  });
  const made = send.data;
  return (
    <DialogContent>
      <DialogTitle>{made ? t("members.resent") : t("members.resend")}</DialogTitle>
      {made ? (
        <>
          <p className="text-muted-foreground">
            {made.mailed === true
              ? t("members.mailedHint", { email: made.email })
              : t("members.linkHint", { email: made.email })}
          </p>
          {made.link !== undefined && <CopySecret label={t("members.link")} value={made.link} />}
          <div className="flex justify-end">
            <DialogClose asChild>
              <Button variant="outline">{t("members.done")}</Button>
            </DialogClose>
          </div>
        </>
      ) : (
        <Form
          onSubmit={() => send.mutate()}
          busy={send.isPending}
          error={send.error}
          submit={t("members.resend")}
          cancel
        >
          <p className="text-muted-foreground">{t("members.resendText", { email: invite.email })}</p>
        </Form>
      )}
    </DialogContent>
  );
}
