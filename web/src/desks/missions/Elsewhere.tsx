import { Link } from "wouter";
import { missionOf } from "@/desks/missions/api";
import type { CanvasProps } from "@/drafts/canvases";
import { t } from "@/i18n";

/** A mission's file is changed on the mission's own page, where there is room for it. */
export default function Elsewhere({ run }: CanvasProps) {
  return (
    <p>
      {t("missions.elsewhere")}{" "}
      <Link href={`/missions/${missionOf(run)}`} className="underline">
        {t("missions.elsewhere.go")}
      </Link>
    </p>
  );
}
