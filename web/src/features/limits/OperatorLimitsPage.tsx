import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Layers, PencilLine, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, TextAreaField, TextField } from "@/components/console/fields";
import { Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { formatMoney, formatNumber } from "@/lib/format";
import {
  approve,
  deleteTier,
  deny,
  type Figure,
  limitsKey,
  type Raise,
  raisesQuery,
  readFigures,
  setTier,
  type Tier,
  tiersQuery,
} from "./api";
import { RaiseDetails, useRaiseColumns } from "./OwnRequests";
import { asTexts, FigureFields, figuresOf, useOrganizationName } from "./parts";
import { Rules } from "./Rules";

/** The operator's: who asks for more, the tiers, and what every organization may ask for. */
export function OperatorLimitsPage() {
  const { t } = useTranslation();
  return (
    <Page title={t("limits.operator")} lead={t("limits.operatorLead")}>
      <Requests />
      <Tiers />
      <Rules side="operator" editable />
    </Page>
  );
}

function Requests() {
  const { t } = useTranslation();
  const list = useQuery(raisesQuery("operator"));
  const look = useDialogParam("request");
  const shown = list.data?.find((r) => r.id === look.subject);
  const [model, ...rest] = useRaiseColumns();
  const organization = useOrganizationName();
  const columns: Column<Raise>[] = [
    {
      id: "org",
      header: t("limits.subjects.organization"),
      value: (r) => organization(r.organization_id),
      cell: (r) => <span className="[overflow-wrap:anywhere]">{organization(r.organization_id)}</span>,
    },
    ...(model ? [model] : []),
    ...rest,
  ];
  return (
    <Section title={t("limits.requests")}>
      <DataTable
        prefix="q."
        label={t("limits.requests")}
        columns={columns}
        rows={list.data}
        rowKey={(r) => r.id}
        rowName={(r) => `${organization(r.organization_id)} ${r.model}`}
        sort="-created"
        search
        filters={[
          {
            id: "state",
            label: t("limits.state"),
            options: (["open", "approved", "denied", "withdrawn"] as const).map((value) => ({
              value,
              label: t(`limits.states.${value}`),
            })),
            matches: (r, value) => r.state === value,
          },
        ]}
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={<Empty title={t("limits.nobodyAsks")} />}
        actions={(r) => (
          <MenuItem onSelect={() => look.show(r.id)}>
            <Check aria-hidden />
            {r.state === "open" ? t("limits.decide") : t("limits.look")}
          </MenuItem>
        )}
      />
      <Dialog open={shown !== undefined} onOpenChange={(open) => !open && look.close()}>
        {shown && (
          <DialogContent className="max-w-xl">
            <DialogTitle>{t("limits.request")}</DialogTitle>
            <RaiseDetails of={shown} />
            {shown.state === "open" && <Decide key={shown.id} of={shown} onDone={look.close} />}
          </DialogContent>
        )}
      </Dialog>
    </Section>
  );
}

function Decide({ of, onDone }: { of: Raise; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [texts, setTexts] = useState<Partial<Record<Figure, string>>>(asTexts(figuresOf(of.wanted)));
  const [note, setNote] = useState("");
  const values = readFigures(texts);
  const done = async (text: string) => {
    await client.invalidateQueries({ queryKey: limitsKey });
    toast(text);
    onDone();
  };
  const yes = useMutation({
    mutationFn: () => approve(of.id, values ?? {}, note.trim()),
    onSuccess: () => done(t("limits.approved")),
  });
  const no = useMutation({
    mutationFn: () => deny(of.id, note.trim()),
    onSuccess: () => done(t("limits.denied")),
  });
  const busy = yes.isPending || no.isPending;
  return (
    <form
      className="grid gap-4 *:min-w-0"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy && values !== null && Object.keys(values).length > 0) yes.mutate();
      }}
    >
      <FigureFields values={texts} onChange={setTexts} />
      {values === null && (
        <p role="alert" className="text-sm text-danger">
          {t("limits.notNumber")}
        </p>
      )}
      <TextAreaField
        label={t("limits.note")}
        hint={t("limits.noteHint")}
        value={note}
        onChange={setNote}
        rows={2}
        maxLength={2000}
      />
      <ErrorBox error={yes.error ?? no.error} title={t("limits.notDecided")} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button variant="outline" disabled={busy || note.trim() === ""} onClick={() => no.mutate()}>
          {t("limits.deny")}
        </Button>
        <Button type="submit" disabled={busy || values === null || Object.keys(values).length === 0}>
          {t("limits.approve")}
        </Button>
      </div>
    </form>
  );
}

function Tiers() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const tiers = useQuery(tiersQuery);
  const edit = useDialogParam("tier");
  const [gone, setGone] = useState<Tier | null>(null);
  const edited = tiers.data?.find((tier) => tier.tier === edit.subject) ?? null;
  const columns: Column<Tier>[] = [
    { id: "tier", header: t("limits.tier"), cell: (tier) => tier.tier },
    {
      id: "spend",
      header: t("limits.minSpend"),
      cell: (tier) => <span className="tabular-nums">{formatMoney(tier.min_spend)}</span>,
      align: "end",
    },
    {
      id: "age",
      header: t("limits.minAge"),
      cell: (tier) => <span className="tabular-nums">{formatNumber(tier.min_age_days)}</span>,
      align: "end",
    },
  ];
  return (
    <Section
      title={t("limits.tiers")}
      lead={t("limits.tiersHint")}
      action={
        <Button variant="outline" size="sm" onClick={() => edit.show()}>
          <Plus aria-hidden />
          {t("limits.addTier")}
        </Button>
      }
    >
      <DataTable
        prefix="t."
        label={t("limits.tiers")}
        columns={columns}
        rows={tiers.data}
        rowKey={(tier) => tier.tier}
        rowName={(tier) => tier.tier}
        error={tiers.error}
        onRetry={() => void tiers.refetch()}
        empty={<Empty icon={Layers} title={t("limits.noTiers")} text={t("limits.noTiersHint")} />}
        actions={(tier) => (
          <>
            <MenuItem onSelect={() => edit.show(tier.tier)}>
              <PencilLine aria-hidden />
              {t("limits.edit")}
            </MenuItem>
            <MenuItem danger onSelect={() => setGone(tier)}>
              <Trash2 aria-hidden />
              {t("limits.remove")}
            </MenuItem>
          </>
        )}
      />
      <Dialog open={edit.open} onOpenChange={(open) => !open && edit.close()}>
        {edit.open && (edit.subject === undefined || edited !== null) && (
          <TierForm of={edited} onDone={edit.close} />
        )}
      </Dialog>
      <Confirm
        open={gone !== null}
        onOpenChange={(open) => !open && setGone(null)}
        title={t("limits.removeTierTitle", { tier: gone?.tier ?? "" })}
        text={t("limits.removeTierText")}
        confirm={t("limits.remove")}
        onConfirm={async () => {
          if (!gone) return;
          await deleteTier(gone.tier);
          await client.invalidateQueries({ queryKey: limitsKey });
          toast(t("limits.removed"));
        }}
      />
    </Section>
  );
}

function TierForm({ of, onDone }: { of: Tier | null; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState(of?.tier ?? "");
  const [spend, setSpend] = useState(of ? String(of.min_spend) : "");
  const [age, setAge] = useState(of ? String(of.min_age_days) : "0");
  const save = useMutation({
    mutationFn: () => setTier(name.trim(), Number(spend), Number(age)),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: limitsKey });
      toast(t("console.form.saved"));
      onDone();
    },
  });
  const money = /^\d+([.]\d+)?$/.test(spend.trim());
  const days = /^\d+$/.test(age.trim());
  return (
    <DialogContent>
      <DialogTitle>{of ? t("limits.editTier", { tier: of.tier }) : t("limits.addTier")}</DialogTitle>
      <Form
        cancel
        submit={t("limits.save")}
        busy={save.isPending}
        error={save.error}
        errorTitle={t("limits.notSaved")}
        disabled={name.trim() === "" || !money || !days}
        onSubmit={() => save.mutate()}
      >
        {of === null && (
          <TextField
            label={t("limits.tierName")}
            value={name}
            onChange={setName}
            autoComplete="off"
            maxLength={64}
          />
        )}
        <TextField
          label={t("limits.minSpend")}
          value={spend}
          onChange={setSpend}
          inputMode="decimal"
          autoComplete="off"
        />
        <TextField
          label={t("limits.minAge")}
          value={age}
          onChange={setAge}
          inputMode="numeric"
          autoComplete="off"
        />
      </Form>
    </DialogContent>
  );
}
