from rest_framework import serializers

from django_shopcore.core.fields import MoneyField, UTCDateTimeField

from .models import Display, Profile, Spec


class SpecSerializer(serializers.ModelSerializer[Spec]):
    volume = MoneyField(required=False, allow_null=True)
    checked_at = UTCDateTimeField(read_only=True)

    class Meta:
        model = Spec
        fields = ("weight", "colour", "volume", "barcode", "checked_at")

    def validate_weight(self, value: int) -> int:
        if value > 50_000:
            raise serializers.ValidationError("Too heavy.", code="too_heavy")
        return value


class DisplaySerializer(serializers.ModelSerializer[Display]):
    class Meta:
        model = Display
        fields = ("banner",)


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    class Meta:
        model = Profile
        fields = ("phone", "credit")
        read_only_fields = ("credit",)
